import { type Clock, iso } from '@evergreen/service-kit/clock.ts';
import type { FastifyBaseLogger } from 'fastify';
import type pg from 'pg';
import type { PaymentGateway } from './payment-gateway.ts';
import {
  claimUnfinished,
  type NewTopUp,
  PURSUIT_LEASE_SECONDS,
  postponePursuit,
  recordIntent,
  settleTopUp,
  type TopUpRow,
} from './top-up-store.ts';

/** A request waits this long for the outcome; then it answers `processing`, and the top-up finishes by itself. */
const ANSWER_WITHIN_MS = 3_000;
/** Ends before the lease does, so that no two processes pursue one top-up for long. */
const PURSUIT_TIMEOUT_MS = (PURSUIT_LEASE_SECONDS - 2) * 1_000;
const COMPLETER_POLL_MS = 500;
const COMPLETER_BATCH = 20;
const REST_BASE_MS = 1_000;
const REST_MAX_MS = 30_000;

const REQUEST = { type: 'POST /v1/wallet/top-ups', causationId: null };

export interface TopUpDeps {
  pool: pg.Pool;
  clock: Clock;
  payments: PaymentGateway;
  wakeOutbox: () => void;
  logger: FastifyBaseLogger;
}

/**
 * Top-ups from intent to outcome. `begin` writes the intent before it asks for money, so a crash at any step leaves a row
 * that the completer of any replica picks up: it asks the gateway what became of the key, and asks again under the same key.
 */
export function topUps(deps: TopUpDeps) {
  const pursuits = new Set<Promise<void>>();
  let completing = 0;
  const stopping = new AbortController();

  const pursueInBackground = (topUp: TopUpRow, askFirst: boolean): Promise<void> => {
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(PURSUIT_TIMEOUT_MS)]);
    const pursuit = pursue(deps, topUp, askFirst, signal)
      .catch((err: unknown) =>
        deps.logger.error({ err, topUpId: topUp.id }, 'pursuit of a top-up failed, the lease retries it'),
      )
      .finally(() => pursuits.delete(pursuit));
    pursuits.add(pursuit);
    return pursuit;
  };

  const complete = async (): Promise<void> => {
    // Requests that wait for a slow gateway must not take the completer's places.
    const room = COMPLETER_BATCH - completing;
    const claimed = room > 0 ? await claimUnfinished(deps.pool, room) : [];
    completing += claimed.length;
    for (const topUp of claimed) void pursueInBackground(topUp, true).finally(() => completing--);
  };

  const completer = setInterval(() => {
    complete().catch((err: unknown) => deps.logger.warn({ err }, 'unfinished top-ups could not be read, trying again'));
  }, COMPLETER_POLL_MS);

  return {
    /**
     * Begins a top-up and waits for its outcome, at most 3 s. The same id again pursues nothing a second time.
     * @throws Problem validation_failed when the balance could pass 2^53-1
     */
    async begin(request: Omit<NewTopUp, 'businessTime'>): Promise<void> {
      const businessTime = iso(await deps.clock.now());
      const topUp = await recordIntent(deps.pool, { ...request, businessTime });
      if (topUp) await settledWithin(ANSWER_WITHIN_MS, pursueInBackground(topUp, false));
    },
    async stop(): Promise<void> {
      clearInterval(completer);
      stopping.abort();
      await Promise.allSettled(pursuits);
    },
  };
}

export type TopUps = ReturnType<typeof topUps>;

/** Finds out what becomes of one payment, and settles it; while that stays unknown, lets it rest for longer and longer. */
async function pursue(deps: TopUpDeps, topUp: TopUpRow, askFirst: boolean, signal: AbortSignal): Promise<void> {
  const { id, amount, currency, paymentMethod } = topUp;
  // Asking first never charges; a key can be too old for the gateway to remember, and then a payment would be a second one.
  const found = askFirst ? await deps.payments.find(id, signal) : { status: 'not_found' as const };
  const outcome =
    found.status === 'not_found'
      ? await deps.payments.pay({ key: id, amount, currency, paymentMethod }, signal)
      : found;
  if (outcome.status === 'unknown') {
    const restMs = (0.5 + Math.random() / 2) * Math.min(REST_MAX_MS, REST_BASE_MS * 2 ** topUp.attempts);
    deps.logger.warn({ topUpId: id, reason: outcome.reason, restMs: Math.round(restMs) }, 'top-up outcome unknown');
    await postponePursuit(deps.pool, id, restMs);
    return;
  }
  const businessTime = iso(await deps.clock.now());
  await settleTopUp(deps.pool, { topUpId: id, businessTime, causedBy: REQUEST, ...outcome });
  deps.wakeOutbox();
}

async function settledWithin(timeoutMs: number, work: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, timeoutMs);
  await Promise.race([work, promise]);
  clearTimeout(timer);
}
