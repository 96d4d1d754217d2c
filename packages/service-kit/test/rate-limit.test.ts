import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import pino from 'pino';
import { Registry } from 'prom-client';
import { buildHttp } from '../src/http.ts';
import {
  addressClaims,
  addressOf,
  type Claim,
  type Limit,
  openRateLimits,
  parseLimit,
  type RateLimits,
} from '../src/rate-limit.ts';
import { createTestDatabase, type TestDatabase } from './rig.ts';

const TABLE = `
  CREATE TABLE rate_limit (key bytea PRIMARY KEY, used int NOT NULL CHECK (used >= 0), window_ends_at timestamptz NOT NULL);`;
const START = Date.parse('2026-11-23T08:00:00Z');
const FIVE: Limit = { name: 'five', count: 5, windowMs: 60_000 };
const THREE: Limit = { name: 'three', count: 3, windowMs: 60_000 };

let database: TestDatabase;
let metrics: Registry;
let limits: RateLimits;
let nowMs: number;

const open = () => openRateLimits({ pool: database.pool, now: () => new Date(nowMs), metrics: new Registry() });

beforeAll(async () => {
  database = await createTestDatabase();
  await database.pool.query(TABLE);
});
beforeEach(async () => {
  await database.pool.query('TRUNCATE rate_limit');
  nowMs = START;
  metrics = new Registry();
  limits = openRateLimits({ pool: database.pool, now: () => new Date(nowMs), metrics });
});
afterAll(() => database.drop());

/** How a take ends: `taken`, or after how many seconds to come back. */
const attempt = (claims: Claim[], from = limits): Promise<'taken' | number> =>
  from.take(claims).then(
    () => 'taken' as const,
    (error) => {
      expect(error).toMatchObject({ code: 'rate_limited', status: 429 });
      return error.extras.retryAfterSeconds;
    },
  );

test('so many pass in a window, which begins with the first; each key has a window of its own', async () => {
  for (let index = 0; index < 5; index++) {
    nowMs = START + index * 1_000;
    expect(await attempt([[FIVE, 'ada']])).toBe('taken');
  }
  nowMs = START + 45_500;
  expect(await attempt([[FIVE, 'ada']])).toBe(15);
  expect(await attempt([[FIVE, 'bob']])).toBe('taken');
  expect(await attempt([[THREE, 'ada']])).toBe('taken');
  nowMs = START + 59_999;
  expect(await attempt([[FIVE, 'ada']])).toBe(1);
  // Refusals have not made it longer.
  nowMs = START + 60_000;
  expect(await attempt([[FIVE, 'ada']])).toBe('taken');
  expect(await metrics.getSingleMetricAsString('evergreen_rate_limited_requests_total')).toContain(
    'evergreen_rate_limited_requests_total{limit="five"} 2',
  );
});

test('of 50 at once, from replicas that share nothing but the database, exactly as many pass as may', async () => {
  const replicas = [limits, open(), open()];
  const outcomes = await Promise.all(
    Array.from({ length: 50 }, (_, index) => attempt([[FIVE, 'ada']], replicas[index % 3] ?? limits)),
  );
  expect(outcomes.filter((outcome) => outcome === 'taken')).toHaveLength(5);
  nowMs = START + 60_000;
  const later = await Promise.all(Array.from({ length: 50 }, () => attempt([[FIVE, 'ada']])));
  expect(later.filter((outcome) => outcome === 'taken')).toHaveLength(5);
});

test('what is given back may be taken again, in its own window and no other', async () => {
  const taken = await limits.take([[THREE, 'ada']]);
  await attempt([[THREE, 'ada']]);
  await attempt([[THREE, 'ada']]);
  expect(await attempt([[THREE, 'ada']])).toBe(60);
  await taken.giveBack();
  expect(await attempt([[THREE, 'ada']])).toBe('taken');

  const late = await limits.take([[THREE, 'bob']]);
  nowMs = START + 61_000;
  for (let index = 0; index < 3; index++) expect(await attempt([[THREE, 'bob']])).toBe('taken');
  await late.giveBack();
  expect(await attempt([[THREE, 'bob']])).toBe(60);
});

test('when one of several is used up none is taken, and those after it make no row', async () => {
  for (let index = 0; index < 3; index++) await attempt([[THREE, 'here']]);
  for (let index = 0; index < 20; index++) {
    expect(
      await attempt([
        [FIVE, 'before'],
        [THREE, 'here'],
        [FIVE, `after-${index}`],
      ]),
    ).toBe(60);
  }
  expect((await database.pool.query('SELECT key FROM rate_limit WHERE used > 0')).rows).toHaveLength(1);
  for (let index = 0; index < 5; index++) expect(await attempt([[FIVE, 'before']])).toBe('taken');
});

test('keys are kept as hashes, apart from each other however they are put together, and forgotten', async () => {
  await attempt([[THREE, 'ada@evergreen.test', '192.0.2.1']]);
  await attempt([[THREE, 'ada@evergreen.test192.0.2.1']]);
  await attempt([[THREE, 'ada@evergreen.test', '192.0.2', '1']]);
  const { rows } = await database.pool.query<{ row: string }>('SELECT rate_limit::text AS row FROM rate_limit');
  expect(rows).toHaveLength(3);
  expect(rows.filter(({ row }) => row.includes('ada') || row.includes(Buffer.from('ada').toString('hex')))).toEqual([]);
  nowMs = START + 60_000;
  expect(await limits.prune()).toBe(0);
  nowMs = START + 60_001;
  expect(await limits.prune()).toBe(3);
});

test('settings are read', () => {
  expect(parseLimit('x', '100/15m')).toEqual({ name: 'x', count: 100, windowMs: 900_000 });
  expect(parseLimit('x', '3/30s').windowMs).toBe(30_000);
  expect(parseLimit('x', '3/2h').windowMs).toBe(7_200_000);
});

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2:ffff::9', '2001:db8:1:2::/64'],
  ['2001:0DB8:0001:0002::', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
])('%s counts as %s', (ip, address) => {
  expect(addressOf({ ip })).toBe(address);
});

test('a line with many networks of IPv6 has ten times what one of them has', async () => {
  const inNetwork = (n: number) => attempt(addressClaims(THREE, addressOf({ ip: `2001:db8:7:${n.toString(16)}::1` })));
  for (let n = 0; n < 10; n++) {
    for (let times = 0; times < 3; times++) expect(await inNetwork(n)).toBe('taken');
  }
  expect(await inNetwork(0)).toBe(60);
  expect(await inNetwork(10)).toBe(60);
  expect(await attempt(addressClaims(THREE, addressOf({ ip: '2001:db8:8::1' })))).toBe('taken');
  expect(addressClaims(THREE, '192.0.2.7')).toEqual([[THREE, '192.0.2.7']]);
});

test('X-Forwarded-For is believed from the proxies that are named, and from nobody else', async () => {
  const app = async (trustedProxies?: string[]) => {
    const logger = pino({ level: 'silent' });
    const http = await buildHttp({
      service: 'test',
      description: '',
      logger,
      metrics: new Registry(),
      ...(trustedProxies && { trustedProxies }),
    });
    http.get('/address', async (request) => addressOf(request));
    return async (remoteAddress: string, forwardedFor?: string) => {
      const headers = forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor };
      return (await http.inject({ url: '/address', remoteAddress, headers })).body;
    };
  };
  const alone = await app();
  expect(await alone('192.0.2.7', '198.51.100.1')).toBe('192.0.2.7');
  const behindEdge = await app(['10.0.0.0/8']);
  expect(await behindEdge('10.1.2.3', '198.51.100.1')).toBe('198.51.100.1');
  // What a client put in front of it is its own invention.
  expect(await behindEdge('10.1.2.3', '203.0.113.9, 198.51.100.1')).toBe('198.51.100.1');
  expect(await behindEdge('192.0.2.7', '198.51.100.1')).toBe('192.0.2.7');
  expect(await behindEdge('10.1.2.3')).toBe('10.1.2.3');
});
