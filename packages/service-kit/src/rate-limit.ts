import { createHash } from 'node:crypto';
import { isIP, isIPv6 } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { Counter, type Registry } from 'prom-client';
import { Type } from 'typebox';
import { ConfigError } from './config.ts';
import { Problem } from './problem.ts';
import { deleteInBatches, type PruningPool } from './pruning.ts';

/*
 * Rate limits in the service's own table `rate_limit`, so that they hold across replicas and outlive a restart. A row
 * counts what one key (an account, an address, a pair of them) took in the window that began with its first take.
 *
 *   no row -> 1 of n -> ... -> n of n: refused until the window ends -> 1 of n in a new window
 *
 * Takes of one key take turns on its row, so no more than n pass, however many come at once.
 */

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000 } as const;

// No row comes back when the window is full: the WHERE is judged on the row as it is under the lock.
const TAKE = {
  name: 'rate-limit-take',
  text: `INSERT INTO rate_limit AS known (key, used, window_ends_at)
         VALUES ($1, 1, $2::timestamptz + $3 * interval '1 millisecond')
         ON CONFLICT (key) DO UPDATE
         SET used = CASE WHEN known.window_ends_at <= $2 THEN 1 ELSE known.used + 1 END,
             window_ends_at = CASE WHEN known.window_ends_at <= $2 THEN excluded.window_ends_at ELSE known.window_ends_at END
         WHERE known.window_ends_at <= $2 OR known.used < $4
         RETURNING window_ends_at`,
};

const READ = { name: 'rate-limit-read', text: 'SELECT window_ends_at FROM rate_limit WHERE key = $1' };

// A take of a window that has ended is nothing to the window after it.
const GIVE_BACK = {
  name: 'rate-limit-give-back',
  text: 'UPDATE rate_limit SET used = used - 1 WHERE key = $1 AND window_ends_at = $2 AND used > 0',
};

const PRUNE = {
  name: 'rate-limit-prune',
  text: `DELETE FROM rate_limit WHERE ctid = ANY (ARRAY(
           SELECT ctid FROM rate_limit WHERE window_ends_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))`,
};

/** So many takes of one key in a window. */
export interface Limit {
  /** Keeps the keys of different limits apart, and names the limit on /metrics. */
  name: string;
  /** 1 or more. */
  count: number;
  windowMs: number;
}

/** A limit, and what it counts by: an email, an address. Only a hash of the key is stored. */
export type Claim = readonly [limit: Limit, ...key: string[]];

/** A setting such as `100/15m`: so many in so many seconds (s), minutes (m) or hours (h). */
export const limitSetting = (standard: string) =>
  Type.String({
    pattern: '^[1-9]\\d{0,8}/[1-9]\\d{0,4}[smh]$',
    default: standard,
    description: 'a limit such as 100/15m, in s, m or h',
  });

/** Reads what `limitSetting` has let through. */
export function parseLimit(name: string, setting: string): Limit {
  const [count = '', span = ''] = setting.split('/');
  const unit = span.at(-1) as keyof typeof UNIT_MS;
  return { name, count: Number(count), windowMs: Number(span.slice(0, -1)) * UNIT_MS[unit] };
}

/** A setting with the addresses and networks whose X-Forwarded-For is believed: `10.1.2.3, 10.0.0.0/8, loopback`. */
export const ProxiesSetting = Type.Optional(Type.String({ maxLength: 2_000 }));

const NETWORKS_BY_NAME = ['loopback', 'linklocal', 'uniquelocal'];

/**
 * Reads a `ProxiesSetting`.
 * @throws ConfigError for what is neither an address nor a network
 */
export function parseProxies(setting = ''): string[] {
  const proxies = setting.split(',').flatMap((part) => part.trim() || []);
  for (const proxy of proxies) {
    const [address = '', bits, ...rest] = proxy.split('/');
    const isNetwork = isIP(address) !== 0 && rest.length === 0 && (bits === undefined || isPrefix(bits, isIP(address)));
    if (!isNetwork && !NETWORKS_BY_NAME.includes(proxy)) {
      throw new ConfigError(
        'TRUSTED_PROXIES must be addresses or networks of proxies, such as 10.0.0.0/8, separated by commas',
      );
    }
  }
  return proxies;
}

const isPrefix = (bits: string, version: number): boolean =>
  /^\d{1,3}$/.test(bits) && Number(bits) >= 1 && Number(bits) <= (version === 4 ? 32 : 128);

/**
 * Where a request comes from, as limits count it: an IPv4 address, or the first half of an IPv6 one, since a single
 * customer of a provider has 2^64 of those to choose from.
 */
export function addressOf({ ip }: Pick<FastifyRequest, 'ip'>): string {
  // A connection that has closed meanwhile has no address any more, whatever the type says.
  const plain =
    ((ip as string | undefined) ?? 'gone').replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '').split('%', 1)[0] ?? ip;
  if (!isIPv6(plain)) return plain;
  const [head = '', tail = ''] = plain.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === '' ? [] : tail.split(':');
  const between = plain.includes('::') ? Array(Math.max(0, 8 - left.length - right.length)).fill('0') : [];
  const network = [...left, ...between, ...right].slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${network.join(':')}::/64`;
}

/** So many times the limit of a network of 64 bits holds for the network of 48 bits around it. */
const WIDER_BY = 10;

/**
 * The claims of an address, as `addressOf` tells it. A provider gives one line anything from 48 to 64 bits of IPv6: counted by
 * 64 alone a single line would have the limit 65,536 times over, by 48 alone it would share it with strangers. So it has both.
 */
export function addressClaims(limit: Limit, address: string): Claim[] {
  const line = lineOf(address);
  const wider = { ...limit, name: `${limit.name}_line`, count: limit.count * WIDER_BY };
  return line === address
    ? [[limit, address]]
    : [
        [limit, address],
        [wider, line],
      ];
}

/** The most that one line may have been given, round an address as `addressOf` tells it: 48 bits of IPv6. */
export const lineOf = (address: string): string =>
  address.endsWith('::/64') ? `${address.split(':').slice(0, 3).join(':')}::/48` : address;

export interface Taken {
  /** What was taken did not count after all, such as a log-in that succeeded. */
  giveBack(): Promise<void>;
}

export interface RateLimits {
  /**
   * Takes one of each, in this order; or none, when one of them is used up. Put first what bounds a stranger most: the
   * claims after one that is used up make no row.
   * @throws Problem rate_limited, with the seconds until the window ends
   */
  take(claims: readonly Claim[]): Promise<Taken>;
  /** Forgets windows that have ended. @returns how many */
  prune(): Promise<number>;
}

/** Limits kept in table `rate_limit` of the pool's database. `now` is given, so that a test can move it. */
export function openRateLimits(options: { pool: PruningPool; now: () => Date; metrics: Registry }): RateLimits {
  const { pool, now } = options;
  const refused = new Counter({
    name: 'evergreen_rate_limited_requests_total',
    help: 'Requests refused by a rate limit',
    labelNames: ['limit'],
    registers: [options.metrics],
  });

  async function takeOne([limit, ...parts]: Claim): Promise<{ key: Buffer; endsAt: Date }> {
    const key = createHash('sha256')
      .update(JSON.stringify([limit.name, ...parts]))
      .digest();
    const nowAt = now();
    const taken = await pool.query({ ...TAKE, values: [key, nowAt, limit.windowMs, limit.count] });
    if (taken.rows[0]) return { key, endsAt: taken.rows[0].window_ends_at };
    const { rows } = await pool.query({ ...READ, values: [key] });
    refused.inc({ limit: limit.name });
    const leftMs = (rows[0]?.window_ends_at ?? nowAt).getTime() - nowAt.getTime();
    throw new Problem('rate_limited', 'Too many attempts; try again later', {
      retryAfterSeconds: Math.max(1, Math.ceil(leftMs / 1_000)),
    });
  }

  const giveBack = async (taken: { key: Buffer; endsAt: Date }[]): Promise<void> => {
    for (const { key, endsAt } of taken) await pool.query({ ...GIVE_BACK, values: [key, endsAt] });
  };

  return {
    async take(claims) {
      const taken: { key: Buffer; endsAt: Date }[] = [];
      for (const claim of claims) {
        try {
          taken.push(await takeOne(claim));
        } catch (error) {
          await giveBack(taken);
          throw error;
        }
      }
      return { giveBack: () => giveBack(taken) };
    },
    prune: () => deleteInBatches(pool, PRUNE, [now()]),
  };
}
