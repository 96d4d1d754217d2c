import { expect, test } from '@jest/globals';
import pg from 'pg';
import { isTransient, transience } from '../src/transience.ts';
import { createTestDatabase } from './rig.ts';

const withCode = (code: string) => Object.assign(new Error('refused'), { code });

test.each([
  '08006',
  '08P01',
  '53300',
  '53100',
  '57P01',
  '57P02',
  '57P03',
  '28P01',
  '25006',
  'ECONNREFUSED',
  'ECONNRESET',
])('%s says that infrastructure is away', (code) => {
  expect(transience(withCode(code))).toBe('infrastructure');
});

test.each(['P1001', 'P1002', 'P1008', 'P1017', 'P2024'])('Prisma says %s when the database is away', (code) => {
  expect(transience(withCode(code))).toBe('infrastructure');
});

test.each(['40001', '40P01', '57014', 'P2034'])('%s says that somebody else was in the way', (code) => {
  expect(transience(withCode(code))).toBe('contention');
});

test.each([
  ['a unique violation', withCode('23505')],
  ['a check violation', withCode('23514')],
  ['Prisma’s unique violation', withCode('P2002')],
  ['a bug', new TypeError('undefined is not a function')],
  ['a text', 'ECONNREFUSED'],
  ['nothing', undefined],
])('%s counts as an attempt', (_what, error) => {
  expect(isTransient(error)).toBe(false);
});

test('wrapping hides nothing: causes, grouped errors, Prisma’s raw queries', () => {
  expect(isTransient(new Error('outer', { cause: new Error('inner', { cause: withCode('57P01') }) }))).toBe(true);
  expect(isTransient(new AggregateError([withCode('ECONNREFUSED'), withCode('ECONNREFUSED')]))).toBe(true);
  const raw = Object.assign(withCode('P2010'), { meta: { driverAdapterError: { cause: { originalCode: '40P01' } } } });
  expect(transience(raw)).toBe('contention');
});

test('an error that causes itself is looked at, and left', () => {
  const error = new Error('round');
  error.cause = error;
  expect(isTransient(error)).toBe(false);
});

test('what pg says when a server is shut down under it is transient', async () => {
  const database = await createTestDatabase();
  const client = await database.pool.connect();
  client.on('error', () => {});
  const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
  const asleep = client.query('SELECT pg_sleep(30)').catch((error: unknown) => error);
  await database.pool.query('SELECT pg_terminate_backend($1)', [rows[0].pid]);
  expect(await asleep).toMatchObject({ code: '57P01' });
  expect(transience(await asleep)).toBe('infrastructure');
  expect(transience(await client.query('SELECT 1').catch((error: unknown) => error))).toBe('infrastructure');
  client.release(true);
  await database.drop();
});

test('what pg says when the server is gone is transient, in mid-query and afterwards', async () => {
  const database = await createTestDatabase();
  const asleep = database.pool.query('SELECT pg_sleep(30)').catch((error: unknown) => error);
  const giveBack = await database.takeAway();
  expect(transience(await asleep)).toBe('infrastructure');
  expect(transience(await database.pool.query('SELECT 1').catch((error: unknown) => error))).toBe('infrastructure');
  await giveBack();
  await database.drop();
});

test('a port where nobody listens is transient, also under a name with several addresses', async () => {
  const client = new pg.Client({ host: 'localhost', port: 1, connectionTimeoutMillis: 2_000 });
  expect(transience(await client.connect().catch((error: unknown) => error))).toBe('infrastructure');
});
