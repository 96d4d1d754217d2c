import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { Writable } from 'node:stream';
import type { DataOf, EventDefinition, EventOf } from '@evergreen/contracts/envelope.ts';
import {
  ChargeVoidRequested,
  ClockAdvanced,
  LIFECYCLE_EVENTS,
  PlanChangeDue,
  RefundDue,
  RenewalDue,
  SubscriptionExpiring,
  SubscriptionRequested,
} from '@evergreen/contracts/events/subscriptions.ts';
import type { CreatePlanBody, Subscription } from '@evergreen/contracts/http/subscriptions.ts';
import { QUEUES, SUBSCRIPTIONS_PAYMENTS, WALLET_CHARGES } from '@evergreen/contracts/topology.ts';
import { ACCESS_TOKEN_TYPE, API_AUDIENCE, staticKeys } from '@evergreen/service-kit/auth.ts';
import { on } from '@evergreen/service-kit/batch.ts';
import { connectBroker } from '@evergreen/service-kit/broker.ts';
import { raiseOffsetMs, readOffsetMs } from '@evergreen/service-kit/clock.ts';
import { openPool } from '@evergreen/service-kit/database.ts';
import { newEvent } from '@evergreen/service-kit/events.ts';
import { outboxRows } from '@evergreen/service-kit/outbox.ts';
import { serviceCaller } from '@evergreen/service-kit/service-callers.ts';
import { awaitCondition } from '@evergreen/stack/await-condition.ts';
import { createTestDatabase, createTestVhost, keepLogLine } from '@evergreen/stack/testing.ts';
import pino from 'pino';
import { Registry } from 'prom-client';
import { v7 as uuidv7 } from 'uuid';
import { readSubscriptionsConfig } from '../src/config.ts';
import { startSubscriptions } from '../src/start.ts';

export const SERVICE_TOKEN = 'service-token-of-the-tests';
const CALL_TIMEOUT_MS = 15_000;

export interface Person {
  id: string;
  token: string;
}

export interface LogLine {
  level: number;
  msg: string;
  [field: string]: unknown;
}

/** What the service asks of the wallet, as read from the wallet's queue. */
export type Asked = EventOf<
  typeof SubscriptionRequested | typeof RenewalDue | typeof PlanChangeDue | typeof ChargeVoidRequested
>;

export type Lifecycle = EventOf<(typeof LIFECYCLE_EVENTS)[number]>;

/** Polls until `holds` is true. A probe that throws has not happened yet. */
export const until = (what: string, holds: () => Promise<boolean> | boolean, timeoutMs = 10_000): Promise<true> =>
  awaitCondition(async () => ((await holds()) ? true : undefined), { what, timeoutMs, intervalMs: 10 });

export type Rig = Awaited<ReturnType<typeof openRig>>;
export type Replica = Awaited<ReturnType<typeof startReplica>>;

/**
 * A database, a virtual host, and somebody in the place of the wallet, who hears what is asked on its queue and says what
 * the test makes it say. Replicas of the service come on top.
 */
export async function openRig() {
  const database = await createTestDatabase('subscriptions');
  const vhost = await createTestVhost();
  const keys = newKeys();
  const wallet = await connectBroker({
    url: vhost.amqpUrl,
    service: 'wallet-of-the-test',
    logger: pino({ level: 'silent' }),
    metrics: new Registry(),
  });
  const pool = openPool({ url: database.url, max: 5, service: 'test', logger: pino({ level: 'silent' }) });
  const asked: Asked[] = [];
  const refunds: DataOf<typeof RefundDue>[] = [];
  let answering: ((event: Asked) => Promise<void>) | undefined;
  const hear = async (events: Asked[]) => {
    asked.push(...events);
    for (const event of events) await answering?.(event);
  };
  await wallet.consume(WALLET_CHARGES, [
    on(SubscriptionRequested, hear),
    on(RenewalDue, hear),
    on(PlanChangeDue, hear),
    on(ChargeVoidRequested, hear),
    on(RefundDue, async (events) => void refunds.push(...events.map(({ data }) => data))),
  ]);
  const lifecycle: Lifecycle[] = [];
  const notices: EventOf<typeof SubscriptionExpiring>[] = [];
  const ticks: DataOf<typeof ClockAdvanced>[] = [];
  await wallet.subscribeTransient({
    name: 'test.told',
    handlers: [
      ...LIFECYCLE_EVENTS.map((definition) => on(definition, async (events) => void lifecycle.push(...events))),
      on(SubscriptionExpiring, async (events) => void notices.push(...events)),
      on(ClockAdvanced, async (events) => void ticks.push(...events.map(({ data }) => data))),
    ],
    onReconnect: () => undefined,
  });
  const replicas: Replica[] = [];

  return {
    pool,
    amqpUrl: vhost.amqpUrl,
    wallet,
    /** Everything asked of the wallet so far. */
    asked,
    /** What the wallet was asked to give back. */
    refundsOf: (subscriptionId: string) => refunds.filter((refund) => refund.subscriptionId === subscriptionId),
    askedAbout: (subscriptionId: string) => asked.filter(({ subject }) => subject === subscriptionId),
    /** What everybody was told of the subscription, in the order of its versions. */
    lifecycleOf: (subscriptionId: string) =>
      lifecycle.filter(({ subject }) => subject === subscriptionId).sort((a, b) => a.data.version - b.data.version),
    /** What its customer was told ahead, in the order of its versions. */
    noticesOf: (subscriptionId: string) =>
      notices.filter(({ subject }) => subject === subscriptionId).sort((a, b) => a.data.version - b.data.version),
    /** Each move of the clock that everybody was told of. */
    ticks,
    /** Reads the queues of the services that are not here, so that they are empty when all is done. */
    async readOtherQueues(): Promise<void> {
      const others = QUEUES.filter((queue) => queue !== WALLET_CHARGES && queue !== SUBSCRIPTIONS_PAYMENTS);
      for (const queue of others)
        await wallet.consume(
          queue,
          queue.events.map((definition) => on(definition, async () => {})),
        );
    },
    /** What the wallet does by itself with what it is asked from now on. */
    answerWith(answer: ((event: Asked) => Promise<void>) | undefined): void {
      answering = answer;
    },
    person: (claims: Record<string, unknown> = {}): Person => newPerson(keys.privateKey, claims),
    /** Says events in this order; the same event twice is a redelivery. */
    async say(...events: EventOf<EventDefinition>[]): Promise<void> {
      const { refused } = await wallet.publish(outboxRows(events));
      if (refused.size > 0) throw new Error(`the broker refused ${[...refused.values()]}`);
    },
    /** Moves the simulated clock, on its own calendar, and waits for nothing. */
    async moveClock(by: Temporal.DurationLike): Promise<void> {
      const offsetMs = await readOffsetMs(pool);
      const now = Temporal.Now.zonedDateTimeISO('UTC').add({ milliseconds: offsetMs });
      await raiseOffsetMs(pool, offsetMs + now.until(now.add(by)).total('milliseconds'));
    },
    async startReplica(env: NodeJS.ProcessEnv = {}): Promise<Replica> {
      const urls = { DATABASE_URL: database.url, AMQP_URL: vhost.urls.subscriptions };
      const replica = await startReplica({ ...urls, ...env }, keys.publicKey);
      replicas.push(replica);
      return replica;
    },
    async close(): Promise<void> {
      for (const replica of replicas) await replica.stop();
      await wallet.close();
      await pool.end();
      await vhost.drop();
      await database.drop();
    },
  };
}

const newKeys = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** An event as the wallet says it. */
export function event<D extends EventDefinition>(definition: D, data: DataOf<D>, correlationId = 'of-the-test') {
  const { businessTime = '2026-11-23T08:00:00.000Z' } = data as { businessTime?: string };
  return newEvent(definition, { subject: 'test', data, time: businessTime, correlationId }) as EventOf<D>;
}

/** The claims an access token of auth has; what is given overrides them. */
function newPerson(privateKey: KeyObject, claims: Record<string, unknown>): Person {
  const id = uuidv7();
  const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const nowSeconds = Math.floor(Date.now() / 1000);
  const payload = {
    ...{ iss: 'evergreen', aud: API_AUDIENCE, sub: id, role: 'customer', zoneinfo: 'Europe/Amsterdam', locale: 'en' },
    ...{ iat: nowSeconds, exp: nowSeconds + 600, jti: uuidv7(), ...claims },
  };
  const signed = `${base64({ alg: 'ES256', kid: 'test', typ: ACCESS_TOKEN_TYPE })}.${base64(payload)}`;
  const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return { id, token: `${signed}.${signature.toString('base64url')}` };
}

async function startReplica(env: NodeJS.ProcessEnv, publicKey: KeyObject) {
  const log: LogLine[] = [];
  const keepLine = new Writable({
    write(chunk, _encoding, done) {
      keepLogLine('subscriptions', String(chunk));
      log.push(JSON.parse(String(chunk)));
      done();
    },
  });
  const stops: (() => unknown)[] = [];
  const metrics = new Registry();
  const config = readSubscriptionsConfig({
    PORT: '0',
    AUTH_JWKS_URL: 'http://127.0.0.1:1/not-asked',
    SERVICE_TOKEN,
    SERVICE_CALLERS: serviceCaller('subscriptions', SERVICE_TOKEN),
    SIMULATED_CLOCK: 'true',
    ...env,
  });
  const url = await startSubscriptions(
    { logger: pino(keepLine), metrics, onStop: (_what, stop) => stops.push(stop) },
    config,
    staticKeys({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'test' }] }),
  );
  const call = (method: string, path: string, options: CallOptions = {}) => callAt(`${url}${path}`, method, options);
  let stopped: Promise<void> | undefined;
  return {
    url,
    log,
    metrics,
    call,
    async createPlan(operator: Person, plan: Partial<CreatePlanBody> = {}): Promise<Body> {
      const body = {
        name: 'Monthly',
        price: { amount: 1_299, currency: 'EUR' },
        interval: { unit: 'month', count: 1 },
      };
      const answer = await call('POST', '/v1/plans', { ...withKey(operator), body: { ...body, ...plan } });
      if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
      return answer.body;
    },
    async subscribe(person: Person, planId: string): Promise<Subscription> {
      const answer = await call('POST', '/v1/subscriptions', { ...withKey(person), body: { planId } });
      if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
      return answer.body;
    },
    async subscription(person: Person, id: string): Promise<Subscription> {
      return (await call('GET', `/v1/subscriptions/${id}`, person)).body;
    },
    stop(): Promise<void> {
      stopped ??= (async () => {
        for (const stop of stops.reverse()) await stop();
      })();
      return stopped;
    },
  };
}

/** A new idempotency key for this request. */
export const withKey = ({ token }: Person, key: string = uuidv7()): CallOptions => ({
  token,
  headers: { 'idempotency-key': key },
});

export interface CallOptions {
  token?: string | undefined;
  body?: unknown;
  headers?: Record<string, string>;
}

// biome-ignore lint/suspicious/noExplicitAny: each test knows the body it asked for.
export type Body = any;

async function callAt(url: string, method: string, { token, body, headers = {} }: CallOptions) {
  const response = await fetch(url, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Body };
}
