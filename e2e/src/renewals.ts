import type { TestStack } from '@evergreen/stack/testing.ts';
import { expect } from '@jest/globals';
import pg from 'pg';
import { type Books, expectBooksToAgree, expectNoDeadLetters, openBooks } from './books.ts';
import { adjust, advance, forEachOf, openCrowd } from './crowd.ts';
import { awaitStatus, calmGateway, newPlan, type Person, subscribe } from './people.ts';

/** Many subscriptions that all fall due in one moment, and what can be counted of their renewals. */

const PRICE = 700;
/** Renewals each balance has to cover. */
const PERIODS = 12;
const AT_ONCE = 12;

export interface Renewals {
  books: Books;
  people: readonly Person[];
  /** Periods granted so far, of all subscriptions. */
  granted(): Promise<number>;
  /** Events of a service that no broker has confirmed. */
  unsaid(service: 'wallet' | 'subscriptions'): Promise<number>;
  /** Moves the clock over the end of everybody's period, and leaves all of them due. */
  makeDue(): Promise<void>;
  /** Lets the scheduler take what is due. */
  begin(): Promise<void>;
  /** Waits until nothing is in hand anywhere. */
  settle(): Promise<void>;
  /** Each subscription was charged, granted and told of this many times, and all books agree. */
  expectEach(periods: number): Promise<void>;
  close(): Promise<void>;
}

/** Opens `people` x `plans` subscriptions, all active, with money for a year of them. */
export async function openRenewals(stack: TestStack, size: { people: number; plans: number }): Promise<Renewals> {
  const newPerson = await openCrowd(stack);
  // Tokens live for minutes, and a trial longer.
  const operator = () => newPerson({ role: 'operator', timeZone: 'UTC' });
  const books = openBooks(stack);
  const notifier = new pg.Pool({ connectionString: stack.databases.notifier.url, max: 1 });
  await calmGateway(operator());
  const plans = await forEachOf([...Array(size.plans).keys()], 4, (n) =>
    newPlan(operator(), { name: `Plan ${n}`, price: { amount: PRICE, currency: 'USD' }, noticeDays: 0 }),
  );
  const ids: string[] = [];
  const people = await forEachOf([...Array(size.people).keys()], AT_ONCE, async () => {
    const person = newPerson({ timeZone: 'UTC' });
    await adjust(operator(), person, PRICE * plans.length * PERIODS);
    for (const { id } of plans) ids.push((await subscribe(person, id)).body.id);
    await awaitStatus(person, ids.at(-1) ?? '', 'active', 60_000);
    return person;
  });
  const settle = async () => void (await advance(operator(), { by: 'PT0.001S' }));
  const count = async (pool: pg.Pool, sql: string, values: unknown[] = []): Promise<number> =>
    (await pool.query(sql, values)).rows[0].count;
  const tell = async (command: 'pause' | 'resume') => {
    const { status } = await operator().call(`/operator/scheduler/${command}`, { method: 'POST' });
    expect(status).toBe(200);
  };
  await settle();
  return {
    books,
    people,
    granted: () => count(books.subscriptions, 'SELECT count(*)::int AS count FROM paid_charge'),
    unsaid: (service) => count(books[service], 'SELECT count(*)::int AS count FROM outbox'),
    async makeDue() {
      await tell('pause');
      await advance(operator(), { by: 'P1M' });
    },
    begin: () => tell('resume'),
    settle,
    async expectEach(periods) {
      const expected = { subscriptions: ids.length, fewest: periods, most: periods };
      expect(await spread(books.wallet, DEBITS, ids)).toEqual(expected);
      expect(await spread(books.subscriptions, GRANTS, ids)).toEqual(expected);
      expect(await spread(notifier, NOTICES, ids)).toEqual(expected);
      await expectBooksToAgree(
        books,
        people.map(({ id }) => id),
      );
      await expectNoDeadLetters(stack);
    },
    async close() {
      await Promise.all([books.close(), notifier.end()]);
    },
  };
}

const DEBITS = `SELECT c.subscription_id AS id, count(*)::int AS n FROM transfer t
  JOIN charge c ON c.id = t.reference AND t.kind = 'charge' WHERE c.subscription_id = ANY ($1::uuid[]) GROUP BY 1`;
const GRANTS = `SELECT subscription_id AS id, count(DISTINCT period_start)::int AS n FROM paid_charge
  WHERE bought = 'period' AND subscription_id = ANY ($1::uuid[]) GROUP BY 1`;
const NOTICES = `SELECT data->>'subscriptionId' AS id, count(*)::int AS n FROM notification
  WHERE type = 'payment_succeeded' AND data->>'subscriptionId' = ANY ($1::text[]) GROUP BY 1`;

/** How many subscriptions a count has, and the fewest and the most of any. */
async function spread(pool: pg.Pool, sql: string, ids: readonly string[]) {
  const { rows } = await pool.query(
    `SELECT count(*)::int AS subscriptions, min(n) AS fewest, max(n) AS most FROM (${sql}) AS counted`,
    [ids],
  );
  return rows[0];
}

export interface Pace {
  seconds: number;
  perSecond: number;
  /** The longest time in which none was granted. */
  longestGapMs: number;
}

/**
 * Watches renewals until `target` periods are granted.
 * @param onProgress called with each new count
 * @throws Error when they are not within `timeoutMs`
 */
export async function watchRenewals(
  renewals: Pick<Renewals, 'granted'>,
  { from, target, timeoutMs }: { from: number; target: number; timeoutMs: number },
  onProgress: (granted: number) => void = () => undefined,
): Promise<Pace> {
  const startedAt = performance.now();
  let [last, lastAt, longestGapMs] = [from, startedAt, 0];
  while (last < target) {
    if (performance.now() - startedAt > timeoutMs) throw new Error(`${last} of ${target} after ${timeoutMs} ms`);
    const granted = await renewals.granted();
    const now = performance.now();
    longestGapMs = Math.max(longestGapMs, now - lastAt);
    if (granted > last) {
      [last, lastAt] = [granted, now];
      onProgress(granted);
    }
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  return { seconds, perSecond: (target - from) / seconds, longestGapMs };
}
