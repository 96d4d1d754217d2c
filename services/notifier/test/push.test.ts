import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BalanceToppedUp } from '@evergreen/contracts/events/wallet.ts';
import { openClock } from '@evergreen/service-kit/clock.ts';
import { openPool } from '@evergreen/service-kit/database.ts';
import { newEvent } from '@evergreen/service-kit/events.ts';
import { createTestDatabase, type TestDatabase } from '@evergreen/stack/testing.ts';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type pg from 'pg';
import pino from 'pino';
import { Registry } from 'prom-client';
import { v7 as uuidv7 } from 'uuid';
import { type Catchup, createCatchup } from '../src/catch-up.ts';
import { createPusher, type Pusher } from '../src/push.ts';
import { openSockets, type Sockets } from '../src/sockets.ts';
import { storeNotifications } from '../src/store-notifications.ts';
import { type Client, connectClient } from './client.ts';
import { until } from './rig.ts';
import { toppedUp } from './sample.ts';

/*
 * What happens in the moment between reading what a socket missed and pushing it. The answer of the real read is held back,
 * and while it is on its way something else happens.
 */

const USER = uuidv7();
const logger = pino({ level: 'silent' });

let database: TestDatabase;
let pool: pg.Pool;
let server: Server;
let sockets: Sockets;
let pusher: Pusher;
let client: Client;
let letGo: (() => void)[];
let reads: number;

beforeEach(async () => {
  database = await createTestDatabase('notifier');
  pool = openPool({ url: database.url, max: 3, service: 'notifier', logger });
  server = createServer();
  const verifyToken = async () => ({
    id: USER,
    role: 'customer' as const,
    timeZone: 'UTC',
    locale: 'en',
    expiresAt: Date.now() / 1_000 + 600,
  });
  sockets = openSockets({
    server,
    verifyToken,
    allowedOrigins: new Set(),
    addressOf: () => 'here',
    logger,
    metrics: new Registry(),
  });
  pusher = createPusher(sockets.io, held(createCatchup(pool)), logger);
  sockets.onAdmitted(pusher.welcome);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  client = connectClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, 'any');
  await until('the first read', () => reads === 1);
});

afterEach(async () => {
  client.close();
  await sockets.close();
  server.close();
  await pool.end();
  await database.drop();
});

/** Reads at once, and answers when it is let go. */
function held(catchup: Catchup): Catchup {
  letGo = [];
  reads = 0;
  return {
    ...catchup,
    async since(...args) {
      const page = await catchup.since(...args);
      const { promise, resolve } = Promise.withResolvers<void>();
      letGo.push(resolve);
      reads++;
      await promise;
      return page;
    },
  };
}

async function store(): Promise<string> {
  const data = toppedUp(USER);
  const time = '2026-11-23T08:00:00.000Z';
  const event = newEvent(BalanceToppedUp, { subject: USER, data, time, correlationId: 'of-the-test' });
  const clock = openClock({ simulated: false, pool });
  await storeNotifications({ pool, clock, wakeOutbox: () => undefined }, 'test', [event]);
  return data.topUpId;
}

/** Tells a version as if it came from the broker, with a payload that shows it was not read from the database. */
const tell = (version: number) =>
  pusher.tell(USER, version, (socket) => socket.emit('unread-count', { unreadCount: 1_000 + version }));

const letOneGo = async (count: number) => {
  await until(`read ${count}`, () => reads === count);
  letGo[count - 1]?.();
};

test('what is committed and told while a read is on its way is told after it, once', async () => {
  const topUpId = await store();
  tell(1);
  await letOneGo(1);
  await letOneGo(2);
  await client.told(topUpId);
  tell(1);
  tell(2);
  await client.heardOf('unread-count', ({ unreadCount }) => unreadCount === 1_002);
  expect(client.notifications()).toHaveLength(1);
  expect(client.of('unread-count').map(({ unreadCount }) => unreadCount)).toEqual([0, 1, 1_002]);
  expect(reads).toBe(2);
});

test('what was told before a read began, and is in it, is not read again', async () => {
  await letOneGo(1);
  await client.ready();
  const topUpIds = [await store(), await store()];
  tell(2);
  await until('the second read', () => reads === 2);
  tell(1);
  tell(2);
  await letOneGo(2);
  await client.told(topUpIds[1] as string);
  tell(3);
  await client.heardOf('unread-count', ({ unreadCount }) => unreadCount === 1_003);
  expect(client.notifications().map(({ data }) => data.topUpId)).toEqual(topUpIds);
  expect(reads).toBe(2);
});

test('after a gap in what is heard, a socket that was reading when it began reads once more', async () => {
  const topUpId = await store();
  pusher.catchUpAll();
  await letOneGo(1);
  await letOneGo(2);
  await client.told(topUpId);
  expect(client.notifications()).toHaveLength(1);
});

test('a socket whose read fails is let go, so that its client comes back', async () => {
  await letOneGo(1);
  await client.ready();
  await database.drop();
  pusher.catchUpAll();
  expect(await client.disconnected()).toMatch(/^transport (close|error)$/);
  expect(client.socket.active).toBe(true);
});
