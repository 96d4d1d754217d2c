import { setTimeout as pause } from 'node:timers/promises';
import { remoteKeys, tokenVerifier } from '@evergreen/service-kit/auth.ts';
import { openPool } from '@evergreen/service-kit/database.ts';
import { createTestDatabase, type TestDatabase } from '@evergreen/stack/testing.ts';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import pino from 'pino';
import { signAccessToken } from '../src/access-token.ts';
import type { Account } from '../src/accounts.ts';
import { type Keyring, openKeyring } from '../src/keyring.ts';
import { readSigningKeys, rotateSigningKeys, tendSigningKeys } from '../src/signing-keys.ts';
import { serveJwks } from './jwks-server.ts';
import { ISSUER, runFile, until } from './rig.ts';

const DAY_MS = 24 * 3_600_000;
const START = Date.parse('2026-11-23T08:00:00Z');
const AHEAD_MS = 900_000;
const logger = pino({ level: 'silent' });
let database: TestDatabase;
let pool: ReturnType<typeof openPool>;
let rings: Keyring[];

beforeEach(async () => {
  database = await createTestDatabase('auth');
  pool = openPool({ url: database.url, max: 10, service: 'auth', logger });
  rings = [];
});
afterEach(async () => {
  await Promise.all(rings.map((ring) => ring.stop()));
  await pool.end();
  await database.drop();
});

const at = (sinceStartMs: number) => new Date(START + sinceStartMs);
const tend = (sinceStartMs: number) =>
  tendSigningKeys(pool, { now: at(sinceStartMs), rotateAfterMs: 30 * DAY_MS, publishedAheadMs: AHEAD_MS });

/** A replica's keys, at a time that stands still until it is moved. */
async function openRing(clock: { ms: number }, reloadMs = 20): Promise<Keyring> {
  const ring = await openKeyring({
    pool,
    logger,
    now: () => at(clock.ms),
    rotateAfterMs: 30 * DAY_MS,
    publishedAheadMs: AHEAD_MS,
    reloadMs,
  });
  rings.push(ring);
  return ring;
}
const published = (ring: Keyring) => ring.jwks().keys.map(({ kid }) => kid);

test('replicas that start together agree on one key, and on the next', async () => {
  // With the connections open, all of them reach the lock at once.
  const connections = await Promise.all(Array.from({ length: 8 }, () => pool.connect()));
  for (const connection of connections) connection.release();
  const replicas = await Promise.all(Array.from({ length: 8 }, () => openRing({ ms: 0 })));
  expect(new Set(replicas.map((ring) => ring.active().kid)).size).toBe(1);
  expect(new Set(replicas.flatMap(published)).size).toBe(2);
  expect(await readSigningKeys(pool)).toHaveLength(2);
});

test('what is published are public ES256 keys and nothing more: the one that signs, and the next', async () => {
  const ring = await openRing({ ms: 0 });
  const { keys } = ring.jwks();
  expect(keys).toHaveLength(2);
  expect(published(ring)).toContain(ring.active().kid);
  for (const key of keys) {
    expect(key).toEqual({
      kid: expect.any(String),
      kty: 'EC',
      crv: 'P-256',
      alg: 'ES256',
      use: 'sig',
      x: expect.any(String),
      y: expect.any(String),
    });
  }
});

test('the next key takes over, a new next one appears, and the old one goes when its last token has expired', async () => {
  const clock = { ms: 0 };
  const ring = await openRing(clock);
  const old = ring.active().kid;
  const next = published(ring).find((kid) => kid !== old);

  clock.ms = DAY_MS;
  expect(await rotateSigningKeys(pool, { now: at(DAY_MS), publishedAheadMs: AHEAD_MS })).toEqual({
    kid: next,
    signsFrom: at(DAY_MS),
  });
  await until('the replica to follow', () => ring.active().kid === next);
  expect(published(ring)).toHaveLength(3);
  expect(published(ring)).toEqual(expect.arrayContaining([old, next]));

  // Its last token was signed in that moment, and lives for ten minutes; five more are for clocks that differ.
  const kids = async (sinceStartMs: number) => (await tend(sinceStartMs)).map(({ kid }) => kid);
  expect(await kids(DAY_MS + 15 * 60_000)).toContain(old);
  expect(await kids(DAY_MS + 15 * 60_000 + 1)).not.toContain(old);
  expect(await readSigningKeys(pool)).toHaveLength(2);
});

test('a running service trusts a retired key for 15 minutes, and no longer', async () => {
  const clock = { ms: 0 };
  const ring = await openRing(clock);
  const { kid } = ring.active();
  clock.ms = AHEAD_MS + 1_000;
  await rotateSigningKeys(pool, { now: at(clock.ms), publishedAheadMs: AHEAD_MS });
  await until('the next key to sign', () => ring.active().kid !== kid);
  clock.ms += 899_000;
  await until('the keys to be read again', async () => (await readSigningKeys(pool)).length === 3);
  expect(published(ring)).toContain(kid);
  expect(await ring.findKey(kid)).toBeDefined();
  clock.ms += 2_000;
  await until('the retired key to be gone', () => !published(ring).includes(kid));
  expect(await ring.findKey(kid)).toBeUndefined();
});

test('a key that is new waits until every verifier can have it; meanwhile there is no second rotation', async () => {
  const first = (await tend(0)).find(({ signsFrom }) => signsFrom)?.kid;
  const rotation = await rotateSigningKeys(pool, { now: at(60_000), publishedAheadMs: AHEAD_MS });
  expect(rotation.signsFrom).toEqual(at(AHEAD_MS));
  const clock = { ms: 60_000 };
  const ring = await openRing(clock);
  expect(ring.active().kid).toBe(first);
  await expect(rotateSigningKeys(pool, { now: at(70_000), publishedAheadMs: AHEAD_MS })).rejects.toThrow(
    `${rotation.kid} takes over at ${at(AHEAD_MS).toISOString()}; rotate again after that`,
  );
  expect(published(ring)).toHaveLength(3);
  clock.ms = AHEAD_MS - 1;
  expect(ring.active().kid).toBe(first);
  clock.ms = AHEAD_MS;
  expect(ring.active().kid).toBe(rotation.kid);
});

test('after 30 days it rotates by itself, once, however many replicas see that it is time', async () => {
  const clock = { ms: 0 };
  const replicas = await Promise.all(Array.from({ length: 4 }, () => openRing(clock)));
  const old = replicas[0]?.active().kid;
  clock.ms = 30 * DAY_MS;
  await until('all to sign with the next', () => replicas.every((ring) => ring.active().kid !== old));
  await Promise.all(Array.from({ length: 8 }, () => tend(30 * DAY_MS)));
  expect(new Set(replicas.map((ring) => ring.active().kid)).size).toBe(1);
  expect(await readSigningKeys(pool)).toHaveLength(3);
});

test('the command rotates, and says from when', async () => {
  await tend(0);
  const next = (await readSigningKeys(pool)).find(({ signsFrom }) => signsFrom === null)?.kid;
  const { code, stdout, stderr } = await runFile('rotate-keys.ts', { DATABASE_URL: database.url });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(new RegExp(`^${next} signs from 20\\d\\d-`));
  const again = await runFile('rotate-keys.ts', { DATABASE_URL: database.url, KEY_PUBLISHED_AHEAD_SECONDS: '5' });
  expect(again).toMatchObject({
    code: 78,
    stderr: 'no key was rotated: KEY_PUBLISHED_AHEAD_SECONDS must be >= 610\n',
  });
});

test('rotations under load, and under a flood of made-up kids, refuse no good token', async () => {
  // Two replicas, four verifiers with a cache each, and time hundreds of times as fast as in production: a key is published for
  // 2.5 s before it signs, verifiers keep the JWKS for 0.4 s and ask at most once in 0.2 s.
  const ringOptions = { pool, logger, now: () => new Date(), rotateAfterMs: 30 * DAY_MS, reloadMs: 50 };
  const replicas = [
    await openKeyring({ ...ringOptions, publishedAheadMs: 2_500 }),
    await openKeyring({ ...ringOptions, publishedAheadMs: 2_500 }),
  ];
  rings.push(...replicas);
  const servers = await Promise.all(replicas.map(serveJwks));
  const verifiers = Array.from({ length: 4 }, (_, index) =>
    tokenVerifier({
      findKey: remoteKeys(servers[index % 2]?.url ?? '', { minRefreshMs: 200, maxAgeMs: 400 }),
      issuer: ISSUER,
    }),
  );
  const account = { id: ACCOUNT_ID, role: 'customer', timeZone: 'UTC', locale: 'en' } as Account;
  const tokens: string[] = [];
  const failures: string[] = [];
  let checked = 0;
  let running = true;
  const load = async (worker: number) => {
    while (running) {
      const ring = replicas[worker % 2] as Keyring;
      tokens.push(signAccessToken(ring.active(), { account, sessionId: ACCOUNT_ID, issuer: ISSUER, now: new Date() }));
      // The newest, and any of the old ones.
      for (const token of [tokens.at(-1), tokens[Math.floor(Math.random() * tokens.length)]]) {
        const verify = verifiers[checked++ % verifiers.length];
        await verify?.(token ?? '').catch(() => failures.push(token?.split('.')[0] ?? ''));
      }
      await pause(1);
    }
  };
  const flood = async () => {
    while (running) {
      const header = Buffer.from(`{"alg":"ES256","typ":"at+jwt","kid":"${Math.random()}"}`).toString('base64url');
      await Promise.all(verifiers.map((verify) => verify(`${header}.e30.AAAA`).catch(() => undefined)));
      await pause(1);
    }
  };
  const startedAt = performance.now();
  const work = [load(0), load(1), load(2), flood()];
  const kids = new Set<string>();
  while (kids.size < 5) {
    for (const ring of replicas) kids.add(ring.active().kid);
    // Refused while a key is about to take over.
    await rotateSigningKeys(pool, { now: new Date(), publishedAheadMs: 2_500 }).catch(() => undefined);
    await pause(50);
  }
  running = false;
  await Promise.all(work);
  await Promise.all(servers.map((server) => server.close()));
  expect(failures).toEqual([]);
  expect(checked).toBeGreaterThan(500);
  // A flood makes each verifier ask no more often than it may: 5 times a second.
  const seconds = (performance.now() - startedAt) / 1000;
  for (const { asked } of servers) expect(asked()).toBeLessThanOrEqual(2 * (5 * seconds + 1));
});

const ACCOUNT_ID = '01936f4e-6c1a-7d3b-8a53-3f0c5f2b9d10';
