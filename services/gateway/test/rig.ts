import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { EventOf } from '@evergreen/contracts/envelope.ts';
import { PaymentDeclined, PaymentRefunded, PaymentSucceeded } from '@evergreen/contracts/events/gateway.ts';
import type { FaultsPatch, Payment, PaymentBody, PaymentRefund } from '@evergreen/contracts/http/gateway.ts';
import type { ProblemBody } from '@evergreen/contracts/problems.ts';
import { staticKeys } from '@evergreen/service-kit/auth.ts';
import { on } from '@evergreen/service-kit/batch.ts';
import { connectBroker } from '@evergreen/service-kit/broker.ts';
import { openClock } from '@evergreen/service-kit/clock.ts';
import { openPool } from '@evergreen/service-kit/database.ts';
import { startOutboxRelay } from '@evergreen/service-kit/outbox.ts';
import { serviceCaller } from '@evergreen/service-kit/service-callers.ts';
import { awaitCondition } from '@evergreen/stack/await-condition.ts';
import { createTestDatabase, createTestVhost, keepLogLine } from '@evergreen/stack/testing.ts';
import { PrismaPg } from '@prisma/adapter-pg';
import pino from 'pino';
import { Registry } from 'prom-client';
import { buildApp } from '../src/app.ts';
import { PrismaClient } from '../src/generated/client.ts';
import { openHolds } from '../src/holds.ts';

export const API_KEY = 'gateway-api-key-of-the-tests';
export const SERVICE_TOKEN = 'service-token-of-the-tests';
const ISSUER = 'evergreen';
const CALL_TIMEOUT_MS = 15_000;

export const VISA: PaymentBody = { amount: 5_000, currency: 'USD', paymentMethod: 'pm_card_visa' };

/** A setting under which nothing goes wrong. */
export const RELIABLE = {
  seed: 1,
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

type PaymentEvent =
  | EventOf<typeof PaymentSucceeded>
  | EventOf<typeof PaymentDeclined>
  | EventOf<typeof PaymentRefunded>;

export interface Heard {
  event: PaymentEvent;
  atMs: number;
}

export interface Answer {
  status: number;
  headers: Headers;
  body: Payment & PaymentRefund & Omit<ProblemBody, 'status'> & { data: unknown[] };
}

export type Rig = Awaited<ReturnType<typeof openRig>>;
export type Replica = Awaited<ReturnType<typeof openReplica>>;

/** A database, a virtual host and somebody who hears all payment events; replicas of the gateway come on top. */
export async function openRig() {
  const database = await createTestDatabase('gateway');
  const vhost = await createTestVhost();
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ears = await connectBroker({
    url: vhost.amqpUrl,
    service: 'ears',
    logger: pino({ level: 'silent' }),
    metrics: new Registry(),
  });
  const heard: Heard[] = [];
  const hear = async (events: PaymentEvent[]) => {
    for (const event of events) heard.push({ event, atMs: Date.now() });
  };
  await ears.subscribeTransient({
    name: 'test.payments',
    handlers: [on(PaymentSucceeded, hear), on(PaymentDeclined, hear), on(PaymentRefunded, hear)],
    onReconnect: () => undefined,
  });
  const replicas: Replica[] = [];
  const startReplica = async (limits: Parameters<typeof openHolds>[0] = {}) => {
    const replica = await openReplica({ databaseUrl: database.url, amqpUrl: vhost.urls.gateway, keys, limits });
    replicas.push(replica);
    return replica;
  };

  return {
    heard,
    startReplica,
    accessToken: (role: 'customer' | 'operator') => signToken(keys.privateKey, role),
    /** Events about a key, once everything kept so far was published: a marker paid last is the last to arrive. */
    async eventsOf(replica: Replica, key: string): Promise<PaymentEvent[]> {
      await replica.setFaults(RELIABLE);
      await until('the outbox to be empty', async () => (await replica.activity()).outbox === 0);
      const marker = await replica.pay();
      await until('the marker', () => heard.some(({ event }) => event.data.idempotencyKey === marker.key));
      return heard.map(({ event }) => event).filter((event) => event.data.idempotencyKey === key);
    },
    async close() {
      for (const replica of replicas) await replica.stop();
      await ears.close();
      await vhost.drop();
      await database.drop();
    },
  };
}

interface ReplicaOptions {
  databaseUrl: string;
  amqpUrl: string;
  keys: { publicKey: KeyObject; privateKey: KeyObject };
  limits: Parameters<typeof openHolds>[0];
}

async function openReplica({ databaseUrl, amqpUrl, keys, limits }: ReplicaOptions) {
  const logger = pino({ level: 'debug' }, { write: (line: string) => keepLogLine('gateway', line) });
  const metrics = new Registry();
  const pool = openPool({ url: databaseUrl, max: 10, service: 'gateway', logger });
  const broker = await connectBroker({ url: amqpUrl, service: 'gateway', logger, metrics });
  const relay = startOutboxRelay({ pool, broker, logger, metrics });
  const app = await buildApp({
    pool,
    prisma: new PrismaClient({ adapter: new PrismaPg(pool) }),
    clock: openClock({ simulated: false, pool }),
    holds: openHolds(limits),
    relay,
    broker,
    findKey: staticKeys({ keys: [{ ...keys.publicKey.export({ format: 'jwk' }), kid: 'test' }] }),
    issuer: ISSUER,
    callers: serviceCaller('subscriptions', SERVICE_TOKEN),
    apiKey: API_KEY,
    logger,
    metrics,
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const call = async (method: string, path: string, options: CallOptions = {}): Promise<Answer> => {
    const { token = API_KEY, body, headers = {}, timeoutMs = CALL_TIMEOUT_MS } = options;
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: {
        ...(token !== '' && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] };
  };
  const pay = async ({ key = randomUUID(), body = VISA, ...options }: PayOptions = {}) => {
    const headers = { 'idempotency-key': key, ...options.headers };
    return { key, ...(await call('POST', '/payments', { ...options, headers, body })) };
  };
  /** Gives back 2,000 of a payment, unless told otherwise. */
  const refund = async (
    paymentId: string,
    { key = randomUUID(), body = { amount: 2_000 }, ...options }: PayOptions = {},
  ) => {
    const headers = { 'idempotency-key': key, ...options.headers };
    return { key, ...(await call('POST', `/payments/${paymentId}/refunds`, { ...options, headers, body })) };
  };
  let stopped: Promise<void> | undefined;
  return {
    pool,
    origin: `http://127.0.0.1:${port}`,
    call,
    pay,
    refund,
    find: (key: string) => call('GET', `/payments/by-key/${key}`),
    findRefund: (key: string) => call('GET', `/refunds/by-key/${key}`),
    activity: async () =>
      (await call('GET', '/internal/activity', { token: SERVICE_TOKEN })).body as unknown as Activity,
    /** Sets the whole setting: what is not named is as in RELIABLE. */
    async setFaults({ rates, ...others }: FaultsPatch): Promise<void> {
      const body = { ...RELIABLE, ...others, rates: { ...RELIABLE.rates, ...rates } };
      const token = signToken(keys.privateKey, 'operator');
      const { status } = await call('PUT', '/v1/gateway/faults', { token, body });
      if (status !== 200) throw new Error(`setting the faults was answered ${status}`);
    },
    stop() {
      stopped ??= (async () => {
        await app.close();
        await relay.stop();
        await broker.close();
        await pool.end();
      })();
      return stopped;
    },
  };
}

interface CallOptions {
  token?: string;
  body?: unknown;
  headers?: Record<string, string>;
  timeoutMs?: number;
}

interface PayOptions extends CallOptions {
  key?: string;
  body?: unknown;
}

interface Activity {
  outbox: number;
  inFlight: number;
  handled: number;
}

/** An access token as auth signs it. */
function signToken(privateKey: KeyObject, role: 'customer' | 'operator'): string {
  const nowSeconds = Math.floor(Date.now() / 1000);
  const claims = {
    iss: ISSUER,
    aud: 'evergreen-api',
    sub: randomUUID(),
    role,
    zoneinfo: 'UTC',
    locale: 'en',
    iat: nowSeconds,
    exp: nowSeconds + 600,
    jti: randomUUID(),
  };
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'ES256', kid: 'test', typ: 'at+jwt' })}.${part(claims)}`;
  const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}

/** Polls until `holds` is true. A probe that throws has not happened yet. */
export const until = (what: string, holds: () => Promise<boolean> | boolean, timeoutMs = 10_000): Promise<true> =>
  awaitCondition(async () => ((await holds()) ? true : undefined), { what, timeoutMs, intervalMs: 20 });
