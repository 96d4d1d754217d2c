import type { Charge } from '@evergreen/contracts/charge.ts';
import type { Envelope } from '@evergreen/contracts/envelope.ts';
import { PaymentDeclined, PaymentRefunded, PaymentSucceeded } from '@evergreen/contracts/events/gateway.ts';
import {
  ChargeVoidRequested,
  PlanChangeDue,
  RefundDue,
  RenewalDue,
} from '@evergreen/contracts/events/subscriptions.ts';
import {
  BalanceAdjusted,
  BalanceToppedUp,
  ChargeFailed,
  ChargeRefunded,
  ChargeSucceeded,
  ChargeVoided,
  GatewayCircuitClosed,
  GatewayCircuitHalfOpened,
  GatewayCircuitOpened,
  TopUpFailed,
} from '@evergreen/contracts/events/wallet.ts';
import type { FaultsPatch } from '@evergreen/contracts/http/gateway.ts';
import { WALLET_CHARGES, WALLET_CLOCK, WALLET_PAYMENTS } from '@evergreen/contracts/topology.ts';
import type { Activity } from '@evergreen/service-kit/activity.ts';
import { on } from '@evergreen/service-kit/batch.ts';
import { type Broker, connectBroker } from '@evergreen/service-kit/broker.ts';
import { newEvent } from '@evergreen/service-kit/events.ts';
import { queueNames } from '@evergreen/service-kit/topology.ts';
import { awaitCondition } from '@evergreen/stack/await-condition.ts';
import { serveKey, type TokenHolder } from '@evergreen/stack/test-tokens.ts';
import { startTestStack, type TestStack, type TestStackOptions } from '@evergreen/stack/testing.ts';
import { expect } from '@jest/globals';
import pg from 'pg';
import pino from 'pino';
import { Registry } from 'prom-client';
import { v7 as uuidv7 } from 'uuid';

const CALL_TIMEOUT_MS = 10_000;
const PERIOD = { start: '2026-11-23T08:00:00.000Z', end: '2026-12-23T08:00:00.000Z' };

/** A gateway that answers at once and never fails. */
export const RELIABLE = {
  latency: { p50Ms: 0, p99Ms: 0 },
  rates: {
    error500: 0,
    unavailable503: 0,
    declined: 0,
    timeoutBeforeCapture: 0,
    timeoutAfterCapture: 0,
    connectionReset: 0,
    duplicateEvent: 0,
    lateEvent: 0,
  },
  outage: false,
} satisfies FaultsPatch;

export interface CallInit {
  method?: string;
  token?: string;
  /** Sent as Idempotency-Key. */
  key?: string;
  body?: unknown;
}

export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: answers are checked by the expectations
  body: any;
}

/** What the wallet has said of charges, of top-ups and else, and the gateway of payments and refunds: each in order. */
export interface Heard {
  charges: Envelope<{ chargeId: string; version: number; awaitingFunds?: boolean; shortfall?: number }>[];
  topUps: Envelope<{ topUpId: string }>[];
  payments: Envelope<{ idempotencyKey: string }>[];
  others: Envelope[];
}

export type Rig = Awaited<ReturnType<typeof openRig>>;
export type User = Awaited<ReturnType<Rig['newUser']>>;

/** gateway and wallet as real processes with nobody else on them, a reliable gateway, and ears on the broker. */
export async function openRig({ env }: Pick<TestStackOptions, 'env'> = {}) {
  const { url: AUTH_JWKS_URL, newToken, close: closeKey } = await serveKey();
  const stack = await startTestStack({
    services: ['gateway', 'wallet'],
    env: { gateway: { AUTH_JWKS_URL, ...env?.gateway }, wallet: { AUTH_JWKS_URL, ...env?.wallet } },
  });
  const db = new pg.Pool({ connectionString: stack.databases.wallet.url });
  // The owner's role, which may look at everything.
  const gatewayDb = new pg.Pool({ connectionString: stack.databases.gateway.ownerUrl });
  const broker = await connectBroker({
    url: stack.amqpUrl,
    service: 'wallet-test',
    logger: pino({ level: 'silent' }),
    metrics: new Registry(),
  });
  const heard = await listen(broker);
  const { accessToken: token } = newToken({ role: 'operator', timeZone: 'UTC' });
  const operator = (url: string, init: CallInit = {}) => call(url, { token, ...init });

  const setFaults = async (body: FaultsPatch): Promise<void> => {
    const answer = await operator(`${stack.urls.gateway}/v1/gateway/faults`, { method: 'PUT', body });
    expect(answer.status).toBe(200);
  };
  await setFaults(RELIABLE);

  return {
    stack,
    db,
    gatewayDb,
    broker,
    heard,
    setFaults,
    newUser: async (profile?: { timeZone: string }) => userOf(stack, newToken(profile)),
    /** Any request, as an operator. */
    operator,
    /** POST /v1/wallets/{userId}/<what>, as an operator. */
    operate: (userId: string, what: 'refunds' | 'adjustments', init: { key: string; body: unknown }) =>
      operator(`${stack.urls.wallet}/v1/wallets/${userId}/${what}`, init),
    /** Publishes events as their service would, in this order. */
    async say(...events: Envelope[]): Promise<void> {
      const rows = events.map((event) => ({ messageId: event.id, type: event.type, body: JSON.stringify(event) }));
      const { refused } = await broker.publish(rows);
      expect([...refused]).toEqual([]);
    },
    /** Waits until the wallet has said this many things of a charge, and answers with their types. */
    saidOf: (charge: Charge, count: number): Promise<string[]> =>
      until(`${count} events of charge ${charge.id}`, () => {
        const about = heard.charges.filter(({ data }) => data.chargeId === charge.id);
        return about.length >= count ? about.map(nameOf) : undefined;
      }),
    quiet: (timeoutMs?: number) => awaitQuiet(stack, broker, timeoutMs),
    async close(): Promise<void> {
      await broker.close();
      await db.end();
      await gatewayDb.end();
      await stack.stop();
      closeKey();
    },
  };
}

async function listen(broker: Broker): Promise<Heard> {
  const heard: Heard = { charges: [], topUps: [], payments: [], others: [] };
  const hear =
    <Event>(list: Event[]) =>
    async (events: Event[]) =>
      void list.push(...events);
  const [charges, topUps] = [hear(heard.charges), hear(heard.topUps)];
  const [payments, others] = [hear(heard.payments), hear(heard.others)];
  await broker.subscribeTransient({
    name: 'wallet-test',
    handlers: [
      ...[on(ChargeSucceeded, charges), on(ChargeFailed, charges), on(ChargeVoided, charges)],
      ...[on(BalanceToppedUp, topUps), on(TopUpFailed, topUps)],
      ...[on(PaymentSucceeded, payments), on(PaymentDeclined, payments), on(PaymentRefunded, payments)],
      ...[on(ChargeRefunded, others), on(BalanceAdjusted, others)],
      ...[on(GatewayCircuitOpened, others), on(GatewayCircuitHalfOpened, others), on(GatewayCircuitClosed, others)],
    ],
    onReconnect: () => undefined,
  });
  return heard;
}

/** `ChargeSucceeded` of `evergreen.wallet.ChargeSucceeded.v1`. */
export const nameOf = ({ type }: Envelope): string => type.split('.')[2] ?? '';

export async function call(url: string, init: CallInit = {}): Promise<Answer> {
  const response = await fetch(url, {
    method: init.method ?? (init.body === undefined ? 'GET' : 'POST'),
    headers: {
      ...(init.token ? { authorization: `Bearer ${init.token}` } : {}),
      ...(init.key ? { 'idempotency-key': init.key } : {}),
      ...(init.body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
    signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
  });
  const body = response.status === 204 ? undefined : await response.json();
  return { status: response.status, headers: response.headers, body };
}

function userOf(stack: TestStack, { id, accessToken: token }: TokenHolder) {
  const wallet = (path: string, init: CallInit = {}) =>
    call(`${stack.urls.wallet}/v1/wallet${path}`, { token, ...init });
  return {
    id,
    token,
    wallet,
    topUp: (amount: unknown, { key = uuidv7(), paymentMethod = 'pm_card_visa', currency = 'USD' } = {}) =>
      wallet('/top-ups', { key, body: { amount, currency, paymentMethod } }),
    balance: async (currency = 'USD'): Promise<number> => {
      const { balances } = (await wallet('')).body as { balances: { currency: string; amount: number }[] };
      return balances.find((one) => one.currency === currency)?.amount ?? 0;
    },
  };
}

export const newCharge = (userId: string, amount: number, currency: Charge['currency'] = 'USD'): Charge => ({
  id: uuidv7(),
  userId,
  subscriptionId: uuidv7(),
  amount,
  currency,
  description: 'Monthly, 23 Nov to 23 Dec',
  planName: 'Monthly',
  upgrade: false,
  period: PERIOD,
  businessTime: PERIOD.start,
});

export const due = (charge: Charge) => eventAbout(RenewalDue, charge);
export const planChangeDue = (charge: Charge) => eventAbout(PlanChangeDue, charge);
export const voiding = (charge: Charge) => eventAbout(ChargeVoidRequested, charge);
const eventAbout = (definition: typeof RenewalDue, charge: Charge) =>
  newEvent(definition, {
    subject: charge.subscriptionId,
    data: { charge, planId: uuidv7(), version: 1 },
    time: PERIOD.start,
    correlationId: 'wallet-test',
  });

export function refundDue(charge: Charge, refundId: string, amount: number) {
  const { id: chargeId, subscriptionId, userId, currency } = charge;
  const why = { reason: 'Canceled at once', businessTime: PERIOD.start };
  return newEvent(RefundDue, {
    subject: subscriptionId,
    data: { refundId, chargeId, subscriptionId, userId, amount, currency, ...why },
    time: PERIOD.start,
    correlationId: 'wallet-test',
  });
}

/** Polls until `probe` has a value. */
export const until = <T>(
  what: string,
  probe: () => Promise<T | undefined> | T | undefined,
  timeoutMs = 10_000,
): Promise<T> => awaitCondition(async () => probe(), { what, timeoutMs, intervalMs: 10 });

/**
 * Waits until nothing is under way any more: outboxes, consumers, background work and queues are empty, and no message was settled between
 * two readings of that. A dead-lettered message is an error: nothing the tests say is one.
 */
async function awaitQuiet(stack: TestStack, broker: Broker, timeoutMs = 30_000): Promise<void> {
  const names = queueNames([WALLET_CHARGES, WALLET_PAYMENTS, WALLET_CLOCK]);
  const read = async () => {
    const activities = await Promise.all(
      [stack.urls.gateway, stack.urls.wallet].map(
        async (url) => (await call(`${url}/internal/activity`, { token: stack.serviceToken })).body as Activity,
      ),
    );
    const depths = (await broker.queueDepths(names)).filter(({ ready }) => ready > 0);
    const isIdle = depths.length === 0 && activities.every(({ outbox, inFlight }) => outbox === 0 && inFlight === 0);
    return { activities, depths, isIdle, handled: activities.map(({ handled }) => handled).join() };
  };
  let last: Awaited<ReturnType<typeof read>> | undefined;
  const quiet = async (): Promise<true | undefined> => {
    const previous = last;
    last = await read();
    return previous?.isIdle && last.isIdle && previous.handled === last.handled ? true : undefined;
  };
  const giveUp = () => {
    const dead = last?.depths.find(({ name }) => name.endsWith('.dead'));
    if (dead) throw new Error(`${dead.ready} messages were dead-lettered to ${dead.name}`);
  };
  await awaitCondition(quiet, { what: 'Becoming quiet', timeoutMs, intervalMs: 20, giveUp }).catch((cause: Error) => {
    throw new Error(`${cause.message}; last seen: ${JSON.stringify(last)}`, { cause });
  });
}
