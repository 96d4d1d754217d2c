import { openPool } from '@evergreen/service-kit/database.ts';
import { createTestDatabase, type TestDatabase } from '@evergreen/stack/testing.ts';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import pino from 'pino';
import { openSigningKeys } from '../src/signing-keys.ts';

let database: TestDatabase;
let pool: ReturnType<typeof openPool>;

beforeEach(async () => {
  database = await createTestDatabase('auth');
  pool = openPool({ url: database.url, max: 10, service: 'auth', logger: pino({ level: 'silent' }) });
});
afterEach(async () => {
  await pool.end();
  await database.drop();
});

const kids = ({ jwks }: Awaited<ReturnType<typeof openSigningKeys>>) => jwks.keys.map(({ kid }) => kid);

test('replicas that start together agree on one key', async () => {
  // With the connections open, all of them reach the lock at once.
  await Promise.all(Array.from({ length: 8 }, () => pool.query('SELECT pg_sleep(0.1)')));
  const replicas = await Promise.all(Array.from({ length: 8 }, () => openSigningKeys(pool)));
  expect(new Set(replicas.flatMap(kids)).size).toBe(1);
  expect(new Set(replicas.map(({ active }) => active.kid)).size).toBe(1);
  const { rows } = await pool.query('SELECT kid FROM signing_key');
  expect(rows).toHaveLength(1);
});

test('what is published are public ES256 keys and nothing more', async () => {
  const { jwks, active } = await openSigningKeys(pool);
  expect(jwks.keys).toEqual([
    {
      kid: active.kid,
      kty: 'EC',
      crv: 'P-256',
      alg: 'ES256',
      use: 'sig',
      x: expect.any(String),
      y: expect.any(String),
    },
  ]);
});

test('a retired key signs nothing, and is published while its last tokens live', async () => {
  const old = await openSigningKeys(pool);
  await pool.query('UPDATE signing_key SET retired_at = now()');
  const next = await openSigningKeys(pool);
  expect(next.active.kid).not.toBe(old.active.kid);
  expect(kids(next).sort()).toEqual([old.active.kid, next.active.kid].sort());

  await pool.query("UPDATE signing_key SET retired_at = now() - interval '16 minutes' WHERE kid = $1", [
    old.active.kid,
  ]);
  expect(kids(await openSigningKeys(pool))).toEqual([next.active.kid]);
});
