import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import pino from 'pino';
import { inTransaction } from '../src/database.ts';
import { pruneIdempotencyKeys } from '../src/idempotency.ts';
import { claimInbox, pruneInbox, startInboxPruning } from '../src/inbox.ts';
import { createTestDatabase, type TestDatabase, until } from './rig.ts';

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

/** The table as the services' migrations make it. */
const createKeyTable = () =>
  database.pool.query(`
    CREATE TABLE idempotency_key (
      user_id uuid NOT NULL, key text NOT NULL, request_hash text NOT NULL, resource_id uuid NOT NULL,
      status_code int, body text, location text, locked_until timestamptz NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (user_id, key))`);

const insertKeys = (count: number, name: string, daysOld: number, status: number | null, lockedForSeconds: number) =>
  database.pool.query(
    `INSERT INTO idempotency_key (user_id, key, request_hash, resource_id, status_code, locked_until, created_at)
     SELECT gen_random_uuid(), $1, 'hash', gen_random_uuid(), $2, now() + make_interval(secs => $3),
            now() - make_interval(days => $4)
     FROM generate_series(1, $5)`,
    [name, status, lockedForSeconds, daysOld, count],
  );

const keysLeft = async () => {
  const { rows } = await database.pool.query('SELECT DISTINCT key FROM idempotency_key ORDER BY key');
  return rows.map(({ key }) => key);
};

test('pruning forgets old idempotency keys, answered or abandoned, and none of a request that runs', async () => {
  await createKeyTable();
  await insertKeys(12_000, 'old', 8, 201, -600);
  await insertKeys(3, 'old and abandoned', 8, null, -600);
  await insertKeys(1, 'old and running again', 8, null, 10);
  await insertKeys(4, 'young', 6, 201, -600);
  await insertKeys(2, 'young and abandoned', 6, null, -600);
  await insertKeys(1, 'young and running', 0, null, 10);
  expect(await pruneIdempotencyKeys(database.pool)).toBe(12_003);
  expect(await pruneIdempotencyKeys(database.pool)).toBe(0);
  const young = ['young', 'young and abandoned', 'young and running'];
  expect(await keysLeft()).toEqual(['old and running again', ...young]);
  expect(await pruneIdempotencyKeys(database.pool, 5)).toBe(6);
  expect(await keysLeft()).toEqual(['old and running again', 'young and running']);
});

test('each round prunes the inbox, and the idempotency keys of a service that has them', async () => {
  const warnings: string[] = [];
  const logger = pino({ level: 'warn' }, { write: (line: string) => warnings.push(line) });
  const messages = async () => (await database.pool.query('SELECT 1 FROM inbox')).rowCount;
  const insertMessage = () =>
    database.pool.query("INSERT INTO inbox VALUES ('q', gen_random_uuid(), now() - interval '31 days')");
  const pruning = startInboxPruning(database.pool, logger, 20);
  try {
    // Each message that goes shows one more round begun, so the second one shows that the first round has ended.
    for (let round = 0; round < 2; round++) {
      await insertMessage();
      await until('the inbox to be pruned', async () => (await messages()) === 0);
    }
    expect(warnings).toEqual([]);
    await createKeyTable();
    await insertKeys(1, 'old', 8, 201, -600);
    await insertKeys(1, 'young', 6, 201, -600);
    await until('the old key to be pruned', async () => (await keysLeft()).length === 1);
    expect(await keysLeft()).toEqual(['young']);

    await database.pool.query('ALTER TABLE idempotency_key RENAME COLUMN created_at TO elsewhere');
    await until('a warning', () => warnings.some((line) => line.includes('idempotency keys')));
    await insertMessage();
    await until('the inbox to be pruned all the same', async () => (await messages()) === 0);
  } finally {
    await pruning.stop();
  }
});

test('pruning that waits for its hour stops at once', async () => {
  const pruning = startInboxPruning(database.pool, pino({ level: 'silent' }));
  const startedAt = performance.now();
  await pruning.stop();
  expect(performance.now() - startedAt).toBeLessThan(1_000);
});
