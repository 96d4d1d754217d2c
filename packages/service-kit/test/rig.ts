import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect as connectSocket, createServer, type Server, type Socket } from 'node:net';
import type { Envelope } from '@evergreen/contracts/envelope.ts';
import { UserRegistered } from '@evergreen/contracts/events/auth.ts';
import { PaymentSucceeded } from '@evergreen/contracts/events/gateway.ts';
import { EVENT_EXCHANGE } from '@evergreen/contracts/topology.ts';
import { awaitCondition } from '@evergreen/stack/await-condition.ts';
import { createTestVhost } from '@evergreen/stack/testing.ts';
import {
  type ChannelModel,
  type ConfirmChannel,
  type ConsumeMessage,
  connect,
  type GetMessage,
  type Options,
} from 'amqplib';
import pg from 'pg';
import pino from 'pino';
import { Registry } from 'prom-client';
import { type Broker, connectBroker } from '../src/broker.ts';
import { newEvent } from '../src/events.ts';

const TABLES = `
  CREATE TABLE outbox (
    seq bigserial PRIMARY KEY, message_id uuid NOT NULL UNIQUE, type text NOT NULL, body text NOT NULL,
    leased_until timestamptz NOT NULL DEFAULT '-infinity', attempts int NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now());
  CREATE TABLE inbox (
    consumer text NOT NULL, message_id uuid NOT NULL, received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, message_id));
  CREATE TABLE effect (message_id uuid NOT NULL);`;

const adminUrl = new URL(need('TEST_DATABASE_ADMIN_URL'));
const managementUrl = new URL(need('TEST_RABBITMQ_MANAGEMENT_URL'));

function need(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; run the tests with npm test`);
  return value;
}

/** Polls until `holds` is true. A probe that throws has not happened yet. */
export const until = (what: string, holds: () => Promise<boolean> | boolean, timeoutMs = 15_000): Promise<true> =>
  awaitCondition(async () => ((await holds()) ? true : undefined), { what, timeoutMs, intervalMs: 20 });

export interface TestDatabase {
  pool: pg.Pool;
  /** Cuts every connection and refuses new ones, as a server that crashed; call the answer to have it back. */
  takeAway(): Promise<() => Promise<void>>;
  drop(): Promise<void>;
}

/** A fresh database with the outbox, the inbox, and a table for effects, behind a door that can be shut. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const name = `evergreen_kit_${randomBytes(5).toString('hex')}`;
  await asAdmin(`CREATE DATABASE ${name}`);
  const door = await openDoor(adminUrl.hostname, Number(adminUrl.port) || 5432);
  const url = new URL(adminUrl);
  url.hostname = '127.0.0.1';
  url.port = String(door.port);
  url.pathname = `/${name}`;
  const pool = new pg.Pool({ connectionString: url.href, max: 8, connectionTimeoutMillis: 5_000 });
  pool.on('error', () => {});
  await pool.query(TABLES);
  return {
    pool,
    async takeAway() {
      await door.shut();
      return door.open;
    },
    async drop() {
      await pool.end();
      await door.shut();
      await asAdmin(`DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

/** Passes TCP connections on to a server, for as long as it is open. */
export async function openDoor(host: string, targetPort: number) {
  const sockets = new Set<Socket>();
  let server: Server | undefined;
  let port = 0;
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    return socket;
  };
  const open = async () => {
    server = createServer((inside) => {
      const outside = keep(connectSocket(targetPort, host));
      keep(inside).pipe(outside).pipe(inside);
      inside.on('close', () => outside.destroy());
      outside.on('close', () => inside.destroy());
    });
    await once(server.listen(port, '127.0.0.1'), 'listening');
    ({ port } = server.address() as AddressInfo);
  };
  const shut = async () => {
    if (!server?.listening) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  await open();
  return { port, open, shut };
}

async function asAdmin(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl.href, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

export interface TestBroker {
  /** Of a user with all rights. */
  url: string;
  /** Of the services' own users. */
  urls: Awaited<ReturnType<typeof createTestVhost>>['urls'];
  /** Sends a body as it is to the exchange, or with `queue` straight to a queue. */
  sendRaw(body: Buffer | string, options?: Options.Publish & { queue?: string }): Promise<void>;
  /** Takes one message from a queue, waiting for it. */
  take(queue: string, timeoutMs?: number): Promise<GetMessage>;
  /** Takes `count` messages from a queue, in their order, waiting for them. */
  drain(queue: string, count: number): Promise<ConsumeMessage[]>;
  /** Messages ready in a queue. */
  depth(queue: string): Promise<number>;
  connection: ChannelModel;
  channel: ConfirmChannel;
  /** A broker of a service, closed with the rig. */
  open(service?: string, url?: string): Promise<OpenBroker>;
  /** Cuts both connections of a service from the broker's side. */
  cut(service: string): Promise<void>;
  drop(): Promise<void>;
}

export interface OpenBroker {
  broker: Broker;
  metrics: Registry;
  logger: pino.Logger;
  /** What was logged so far, warnings and worse. */
  logs: string[];
}

/** A virtual host of its own, and the raw protocol beside the code under test. */
export async function createTestBroker(): Promise<TestBroker> {
  const vhost = await createTestVhost();
  const connection: ChannelModel = await connect(vhost.amqpUrl);
  const channel = await connection.createConfirmChannel();
  const brokers: Broker[] = [];
  return {
    url: vhost.amqpUrl,
    urls: vhost.urls,
    connection,
    channel,
    async sendRaw(body, { queue, ...options } = {}) {
      const content = Buffer.from(body);
      if (queue) channel.sendToQueue(queue, content, options);
      else channel.publish(EVENT_EXCHANGE, options.type ?? UserRegistered.type, content, options);
      await channel.waitForConfirms();
    },
    take: (queue, timeoutMs = 10_000) =>
      awaitCondition(async () => (await channel.get(queue, { noAck: true })) || undefined, {
        what: `a message in ${queue}`,
        timeoutMs,
        intervalMs: 20,
      }),
    async drain(queue, count) {
      const taken: ConsumeMessage[] = [];
      const { consumerTag } = await channel.consume(
        queue,
        (message) => {
          if (message) taken.push(message);
        },
        { noAck: true },
      );
      await until(`${count} messages in ${queue}`, () => taken.length >= count);
      await channel.cancel(consumerTag);
      return taken;
    },
    depth: async (queue) => (await channel.checkQueue(queue)).messageCount,
    async open(service = 'tester', url = vhost.amqpUrl) {
      const metrics = new Registry();
      const logs: string[] = [];
      const logger = pino({ level: 'warn' }, { write: (line: string) => void logs.push(line) });
      const broker = await connectBroker({ url, service, logger, metrics });
      brokers.push(broker);
      return { broker, metrics, logger, logs };
    },
    cut: (service) => cutConnections(vhost.name, service),
    async drop() {
      await Promise.all(brokers.map((broker) => broker.close()));
      await connection.close();
      await vhost.drop();
    },
  };
}

interface ConnectionInfo {
  name: string;
  user_provided_name?: string;
}

/** Ends both connections a service has now. The management plugin learns late of new ones, and may say yes and do nothing. */
async function cutConnections(vhost: string, service: string): Promise<void> {
  const wanted = [`${service} publisher`, `${service} consumer`];
  const listed = async () =>
    (await (await management('GET', `/vhosts/${vhost}/connections`)).json()) as ConnectionInfo[];
  let doomed: string[] = [];
  await until(`the connections of ${service} to be listed`, async () => {
    const found = (await listed()).filter(({ user_provided_name = '' }) => wanted.includes(user_provided_name));
    doomed = found.map(({ name }) => name);
    return new Set(found.map(({ user_provided_name }) => user_provided_name)).size === wanted.length;
  });
  // A connection that comes after it has another name, as its port is part of it, and is left alone.
  await until(`${service} to be cut`, async () => {
    const answers = await Promise.all(
      doomed.map((name) => management('DELETE', `/connections/${encodeURIComponent(name)}`)),
    );
    return answers.every(({ status }) => status === 404);
  });
}

async function management(method: string, path: string): Promise<Response> {
  const credentials = `${decodeURIComponent(managementUrl.username)}:${decodeURIComponent(managementUrl.password)}`;
  return fetch(`${managementUrl.origin}/api${path}`, {
    method,
    headers: { authorization: `Basic ${Buffer.from(credentials).toString('base64')}`, 'x-reason': 'test' },
    signal: AbortSignal.timeout(10_000),
  });
}

/** An event of notifier.accounts. */
export const registered = (email = 'someone@evergreen.test') =>
  newEvent(UserRegistered, {
    subject: 'user',
    time: '2026-11-23T08:00:00.000Z',
    correlationId: 'test',
    data: { userId: randomUUID(), email, role: 'customer', timeZone: 'UTC', locale: 'en', version: 1 },
  });

/** An event of wallet.payments. */
export function paid() {
  const data = {
    paymentId: registered().id,
    idempotencyKey: 'key',
    amount: 100,
    currency: 'USD' as const,
    decidedAt: '2026-11-23T08:00:00.000Z',
  };
  return newEvent(PaymentSucceeded, { subject: 's', time: data.decidedAt, correlationId: 'c', data });
}

export const registeredMany = (count: number) =>
  Array.from({ length: count }, (_, index) => registered(`${index}@evergreen.test`));

/** The text of an event on the wire. */
export const wire = (event: Envelope): string => JSON.stringify(event);

/** A promise and what opens it. */
export const gate = () => Promise.withResolvers<void>();
