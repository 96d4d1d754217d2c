import { createClient } from '@evergreen/client/client.ts';
import { io } from 'socket.io-client';
import { calmGateway, newCustomer, newOperator } from '../e2e/src/people.ts';
import type { Measure } from './run.ts';

/*
 * From the answer of a top-up to its notification on the socket, one top-up after the other. In between lie the wallet's
 * outbox, the broker, the notifier's transaction and outbox, the broker again, and the socket, through the edge both times.
 * A notification that is there before the answer counts as 0 ms.
 */

const WARM_UP_RUNS = 50;
const RUNS = 200;
const LONGEST_WAIT_MS = 10_000;

export const measure: Measure = async (stack) => {
  await calmGateway(await newOperator(stack));
  const person = await newCustomer(stack);
  const api = createClient({ baseUrl: stack.baseUrl, session: { accessToken: person.token } });
  const arrivedAt = new Map<string, number>();
  const waiting = new Map<string, () => void>();
  const socket = io(stack.baseUrl, { auth: { token: person.token }, transports: ['websocket'] });
  socket.on('notification', ({ data }: { data: { topUpId?: string } }) => {
    if (data.topUpId === undefined) return;
    arrivedAt.set(data.topUpId, performance.now());
    waiting.get(data.topUpId)?.();
  });

  async function arrival(topUpId: string): Promise<number> {
    const known = arrivedAt.get(topUpId);
    if (known !== undefined) return known;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    waiting.set(topUpId, resolve);
    const timer = setTimeout(() => reject(new Error(`no notification in ${LONGEST_WAIT_MS} ms`)), LONGEST_WAIT_MS);
    await promise.finally(() => clearTimeout(timer));
    return arrivedAt.get(topUpId) ?? Number.NaN;
  }

  async function once(): Promise<{ answerMs: number; notificationMs: number }> {
    const askedAt = performance.now();
    const { data, error } = await api.POST('/v1/wallet/top-ups', {
      body: { amount: 100, currency: 'USD', paymentMethod: 'pm_card_visa' },
    });
    const answeredAt = performance.now();
    if (data?.status !== 'succeeded') throw new Error(`a top-up answered ${JSON.stringify(data ?? error)}`);
    const toldAt = await arrival(data.id);
    return { answerMs: answeredAt - askedAt, notificationMs: Math.max(0, toldAt - answeredAt) };
  }

  try {
    for (let run = 0; run < WARM_UP_RUNS; run++) await once();
    const runs: Awaited<ReturnType<typeof once>>[] = [];
    for (let run = 0; run < RUNS; run++) runs.push(await once());
    return [
      `a top-up to its answer: ${percentiles(runs.map(({ answerMs }) => answerMs))}`,
      `answer of a top-up to its notification on the socket: ${percentiles(runs.map(({ notificationMs }) => notificationMs))}`,
    ];
  } finally {
    socket.close();
  }
};

function percentiles(valuesMs: number[]): string {
  const sorted = valuesMs.toSorted((one, other) => one - other);
  const at = (share: number) => (sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN).toFixed(1);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms over ${sorted.length} runs`;
}
