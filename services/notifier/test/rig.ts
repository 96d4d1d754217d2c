import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { Writable } from 'node:stream';
import type { DataOf, Envelope, EventDefinition } from '@evergreen/contracts/envelope.ts';
import { UserRegistered } from '@evergreen/contracts/events/auth.ts';
import { ACCESS_TOKEN_TYPE, API_AUDIENCE, type Jwks, staticKeys } from '@evergreen/service-kit/auth.ts';
import { type Broker, connectBroker } from '@evergreen/service-kit/broker.ts';
import { newEvent } from '@evergreen/service-kit/events.ts';
import { outboxRows } from '@evergreen/service-kit/outbox.ts';
import { serviceCaller } from '@evergreen/service-kit/service-callers.ts';
import { awaitCondition } from '@evergreen/stack/await-condition.ts';
import { createTestDatabase, createTestVhost, keepLogLine } from '@evergreen/stack/testing.ts';
import jwt from 'jsonwebtoken';
import pg from 'pg';
import pino from 'pino';
import { Registry } from 'prom-client';
import { v7 as uuidv7 } from 'uuid';
import { readNotifierConfig } from '../src/config.ts';
import { startNotifier } from '../src/start.ts';
import { type Client, connectClient } from './client.ts';

export const ORIGIN = 'https://app.evergreen.test';
export const SERVICE_TOKEN = 'service-token-of-the-tests';
const CALL_TIMEOUT_MS = 10_000;

export interface Person {
  id: string;
  token: string;
}

export interface LogLine {
  level: number;
  msg: string;
  [field: string]: unknown;
}

/** Polls until `holds` is true. A probe that throws has not happened yet. */
export const until = (what: string, holds: () => Promise<boolean> | boolean, timeoutMs = 10_000): Promise<true> =>
  awaitCondition(async () => ((await holds()) ? true : undefined), { what, timeoutMs, intervalMs: 10 });

export type Rig = Awaited<ReturnType<typeof openRig>>;
export type Replica = Awaited<ReturnType<typeof startReplica>>;

/** A database, a virtual host, and somebody who says the events of the other services. Replicas come on top. */
export async function openRig() {
  const database = await createTestDatabase('notifier');
  const vhost = await createTestVhost();
  const keys = newKeys();
  const mouth = await connectBroker({
    url: vhost.amqpUrl,
    service: 'mouth',
    logger: pino({ level: 'silent' }),
    metrics: new Registry(),
  });
  const pool = new pg.Pool({ connectionString: database.url, max: 3 });
  const replicas: Replica[] = [];

  return {
    pool,
    mouth,
    amqpUrl: vhost.urls.notifier,
    databaseUrl: database.url,
    /** The keys that tokens of these people are checked with, as auth serves them. */
    jwks: () => jwksOf(keys.publicKey),
    /** What an autovacuum does with a table, at once. */
    async vacuum(table: string): Promise<void> {
      const owner = new pg.Client({ connectionString: database.ownerUrl });
      await owner.connect();
      await owner.query(`VACUUM ANALYZE ${table}`);
      await owner.end();
    },
    /** A user who has an account somewhere; the notifier hears of it only when told. */
    person: (claims: Record<string, unknown> = {}): Person => newPerson(keys.privateKey, claims),
    /** Somebody whose token was signed with a key that is not ours. */
    stranger: (): Person => newPerson(newKeys().privateKey, {}),
    /** Says an event as its service would, and answers with its id. */
    say: <D extends EventDefinition>(definition: D, data: DataOf<D>, id?: string) => say(mouth, definition, data, id),
    /** Says many at once, in their order. */
    sayAll: <D extends EventDefinition>(definition: D, all: DataOf<D>[]) =>
      publish(
        mouth,
        definition,
        all.map((data) => saying(definition, data)),
      ),
    /** Publishes a body that no service of ours would write. */
    async sayRaw(type: string, body: string): Promise<void> {
      const { refused } = await mouth.publish([{ messageId: uuidv7(), type, body }]);
      if (refused.size > 0) throw new Error('the broker refused it');
    },
    depths: (queue: string) => mouth.queueDepths([queue]),
    /** All queues of the virtual host, as the broker's management lists them. */
    queueNames: async (): Promise<string[]> => {
      const queues = await (await management('GET', `/queues/${vhost.name}?disable_stats=true`)).json();
      return (queues as { name: string }[]).map(({ name }) => name);
    },
    /** Says what auth says of a new account, and waits until the notifier knows it. */
    async register(person: Person, facts: Partial<DataOf<typeof UserRegistered>> = {}): Promise<void> {
      const account = { email: 'a@b.test', role: 'customer' as const, timeZone: 'UTC', locale: 'en', version: 1 };
      await say(mouth, UserRegistered, { userId: person.id, ...account, ...facts });
      await until('the account to be known', async () => {
        const { rowCount } = await pool.query('SELECT 1 FROM account WHERE user_id = $1', [person.id]);
        return rowCount === 1;
      });
    },
    /** @param env settings beside those that every replica has */
    async startReplica(amqpUrl = vhost.urls.notifier, env: Record<string, string> = {}): Promise<Replica> {
      const replica = await startReplica({ databaseUrl: database.url, amqpUrl, publicKey: keys.publicKey, env });
      replicas.push(replica);
      return replica;
    },
    async close(): Promise<void> {
      for (const replica of replicas) await replica.stop();
      await mouth.close();
      await pool.end();
      await vhost.drop();
      await database.drop();
    },
  };
}

async function management(method: string, path: string): Promise<Response> {
  const url = new URL(process.env.TEST_RABBITMQ_MANAGEMENT_URL ?? '');
  const credentials = Buffer.from(`${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`);
  return fetch(`${url.origin}/api${path}`, {
    method,
    headers: { authorization: `Basic ${credentials.toString('base64')}` },
    signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
  });
}

const jwksOf = (publicKey: KeyObject): Jwks => ({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'test' }] });

const newKeys = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });

async function say<D extends EventDefinition>(broker: Broker, definition: D, data: DataOf<D>, id = uuidv7()) {
  await publish(broker, definition, [{ ...saying(definition, data), id }]);
  return id;
}

const saying = <D extends EventDefinition>(definition: D, data: DataOf<D>) =>
  newEvent(definition, { subject: 'test', data, time: '2026-11-23T08:00:00.000Z', correlationId: 'of-the-test' });

async function publish(broker: Broker, { type }: EventDefinition, events: Envelope[]): Promise<void> {
  const { refused } = await broker.publish(outboxRows(events));
  if (refused.size > 0) throw new Error(`the broker refused ${type}: ${[...refused.values()]}`);
}

/** The claims an access token of auth has; what is given overrides them. */
function newPerson(privateKey: KeyObject, claims: Record<string, unknown>): Person {
  const id = uuidv7();
  const profile = { sub: id, role: 'customer', zoneinfo: 'UTC', locale: 'en' };
  const lifetime = 'exp' in claims ? {} : { expiresIn: 600 };
  const token = jwt.sign({ ...profile, ...claims }, privateKey, {
    algorithm: 'ES256',
    issuer: 'evergreen',
    audience: API_AUDIENCE,
    keyid: 'test',
    header: { alg: 'ES256', typ: ACCESS_TOKEN_TYPE },
    ...lifetime,
  });
  return { id, token };
}

interface ReplicaOptions {
  databaseUrl: string;
  amqpUrl: string;
  publicKey: KeyObject;
  env: Record<string, string>;
}

async function startReplica({ databaseUrl, amqpUrl, publicKey, env }: ReplicaOptions) {
  const log: LogLine[] = [];
  const keepLine = new Writable({
    write(chunk, _encoding, done) {
      keepLogLine('notifier', String(chunk));
      log.push(JSON.parse(String(chunk)));
      done();
    },
  });
  const stops: (() => unknown)[] = [];
  const config = readNotifierConfig({
    DATABASE_URL: databaseUrl,
    AMQP_URL: amqpUrl,
    PORT: '0',
    AUTH_JWKS_URL: 'http://127.0.0.1:1/not-asked',
    SERVICE_CALLERS: serviceCaller('subscriptions', SERVICE_TOKEN),
    ALLOWED_ORIGINS: `https://other.evergreen.test, ${ORIGIN}`,
    SIMULATED_CLOCK: 'true',
    ...env,
  });
  const url = await startNotifier(
    { logger: pino(keepLine), metrics: new Registry(), onStop: (_what, stop) => stops.push(stop) },
    config,
    staticKeys(jwksOf(publicKey)),
  );
  const clients: Client[] = [];
  let stopped: Promise<void> | undefined;
  const stopServer = (): Promise<void> => {
    stopped ??= (async () => {
      for (const stop of stops.reverse()) await stop();
    })();
    return stopped;
  };
  return {
    url,
    log,
    call: (method: string, path: string, options: CallOptions = {}) => call(`${url}${path}`, method, options),
    /** A socket.io client, with everything it is told. */
    connect(person: Pick<Person, 'token'>, options: Parameters<typeof connectClient>[2] = {}): Client {
      const client = connectClient(url, person.token, options);
      clients.push(client);
      return client;
    },
    /** Stops the server as SIGTERM does, with its clients still there. */
    stopServer,
    async stop(): Promise<void> {
      for (const client of clients) client.close();
      await stopServer();
    },
  };
}

interface CallOptions {
  token?: string | undefined;
  body?: unknown;
  headers?: Record<string, string>;
}

// biome-ignore lint/suspicious/noExplicitAny: each test knows the body it asked for.
export type Body = any;

async function call(url: string, method: string, { token, body, headers = {} }: CallOptions) {
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
