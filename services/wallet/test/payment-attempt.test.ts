import { openClock } from '@evergreen/service-kit/clock.ts';
import { createTestDatabase, type TestDatabase } from '@evergreen/stack/testing.ts';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import pino from 'pino';
import { v7 as uuidv7 } from 'uuid';
import { attemptRecorder, MAX_ATTEMPTS_KEPT } from '../src/payment-attempt.ts';

let database: TestDatabase;
let pool: pg.Pool;
const logger = pino({ level: 'silent' });

beforeAll(async () => {
  database = await createTestDatabase('wallet');
  pool = new pg.Pool({ connectionString: database.url });
}, 30_000);

afterAll(async () => {
  await pool?.end();
  await database?.drop();
}, 30_000);

test('of a long outage the first 50 attempts are kept, and the one that ended it', async () => {
  const record = attemptRecorder({ pool, clock: openClock({ simulated: false, pool }), logger });
  const attempt = { subjectId: uuidv7(), operation: 'pay' as const, durationMs: 5 };
  for (let n = 1; n <= MAX_ATTEMPTS_KEPT + 5; n++) await record({ ...attempt, outcome: 'http_503' });
  await record({ ...attempt, outcome: 'succeeded' });
  const { rows } = await pool.query('SELECT outcome FROM payment_attempt WHERE subject_id = $1 ORDER BY seq', [
    attempt.subjectId,
  ]);
  expect(rows.map(({ outcome }) => outcome)).toEqual([...Array(MAX_ATTEMPTS_KEPT).fill('http_503'), 'succeeded']);
});

test('a record that cannot be written fails nothing', async () => {
  const gone = new pg.Pool({ connectionString: database.url });
  await gone.end();
  const record = attemptRecorder({ pool: gone, clock: openClock({ simulated: false, pool: gone }), logger });
  const attempt = { subjectId: uuidv7(), operation: 'pay' as const, durationMs: 5, outcome: 'http_503' };
  await expect(record(attempt)).resolves.toBeUndefined();
});
