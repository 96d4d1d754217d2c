import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import pino from 'pino';
import { inTransaction } from '../src/database.ts';
import { claimInbox, pruneInbox, startInboxPruning } from '../src/inbox.ts';
import { createTestDatabase, type TestDatabase } from './rig.ts';

let database: TestDatabase;

beforeEach(async () => {
  database = await createTestDatabase();
});

afterEach(() => database.drop());

const claim = (consumer: string, ids: string[]) =>
  inTransaction(database.pool, (client) => claimInbox(client, consumer, ids));

const newIds = (count: number) => Array.from({ length: count }, () => randomUUID());

test('a message is fresh once for each consumer', async () => {
  const [one, two, three] = newIds(3) as [string, string, string];
  expect(await claim('wallet.charges', [one, two])).toEqual(new Set([one, two]));
  expect(await claim('wallet.charges', [two, three])).toEqual(new Set([three]));
  expect(await claim('wallet.clock', [one])).toEqual(new Set([one]));
  expect(await claim('wallet.charges', [])).toEqual(new Set());
});

test('a claim whose effect is rolled back is free again', async () => {
  const ids = newIds(2);
  const failing = inTransaction(database.pool, async (client) => {
    expect((await claimInbox(client, 'q', ids)).size).toBe(2);
    throw new Error('the effect failed');
  });
  await expect(failing).rejects.toThrow('the effect failed');
  expect((await claim('q', ids)).size).toBe(2);
});

test('an id in capitals is the same id', async () => {
  const [id] = newIds(1) as [string];
  expect(await claim('q', [id.toUpperCase()])).toEqual(new Set([id.toUpperCase()]));
  expect(await claim('q', [id])).toEqual(new Set());
});

test('batches that share messages race in opposite orders: no deadlock, and each message is fresh once', async () => {
  const ids = newIds(3_000);
  const racer = async (order: string[]) => {
    const client = await database.pool.connect();
    try {
      await client.query('BEGIN');
      const fresh = await claimInbox(client, 'q', order);
      await client.query('COMMIT');
      return [...fresh];
    } finally {
      client.release();
    }
  };
  const orders = Array.from({ length: 8 }, (_, index) => (index % 2 ? ids : ids.toReversed()));
  expect((await Promise.all(orders.map(racer))).flat().sort()).toEqual([...ids].sort());
});

test('pruning forgets what is old, however much it is, and nothing else', async () => {
  await database.pool.query(`
    INSERT INTO inbox SELECT 'q', gen_random_uuid(), now() - interval '31 days' FROM generate_series(1, 12000);
    INSERT INTO inbox SELECT 'q', gen_random_uuid(), now() - interval '29 days' FROM generate_series(1, 10);`);
  expect(await pruneInbox(database.pool)).toBe(12_000);
  expect(await pruneInbox(database.pool)).toBe(0);
  expect(await pruneInbox(database.pool, 28)).toBe(10);
});

test('pruning that waits for its hour stops at once', async () => {
  const pruning = startInboxPruning(database.pool, pino({ level: 'silent' }));
  const startedAt = performance.now();
  await pruning.stop();
  expect(performance.now() - startedAt).toBeLessThan(1_000);
});
