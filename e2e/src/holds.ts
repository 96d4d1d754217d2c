import { awaitCondition } from '@evergreen/stack/await-condition.ts';
import type { ServiceName } from '@evergreen/stack/paths.ts';
import type { TestStack } from '@evergreen/stack/testing.ts';
import pg from 'pg';

/*
 * Makes what is in flight stay there, in the running services and without touching them: a lock on a table from outside holds
 * whoever needs that table next, for as long as the test wants, and nobody else.
 */

export interface Hold {
  /** Resolves when `count` transactions of the service wait for the hold, 1 unless given. */
  caught(count?: number): Promise<void>;
  release(): Promise<void>;
}

/** What a service hears from now on waits in its hands: no event is carried out, while its HTTP routes work. */
export const holdEvents = (stack: TestStack, service: ServiceName): Promise<Hold> =>
  hold(stack, service, 'LOCK TABLE inbox IN SHARE MODE', 'inbox');

/** No sweep gets to a due subscription, and no command to any; they can be read. */
export const holdSweeps = (stack: TestStack): Promise<Hold> =>
  hold(stack, 'subscriptions', 'LOCK TABLE subscription IN EXCLUSIVE MODE', 'subscription');

async function hold(stack: TestStack, service: ServiceName, lock: string, table: string): Promise<Hold> {
  const client = new pg.Client({ connectionString: stack.databases[service].ownerUrl });
  await client.connect();
  await client.query(`BEGIN; ${lock}`);
  let released = false;
  return {
    async caught(count = 1) {
      const waiting = `SELECT count(DISTINCT pid)::int AS count FROM pg_locks
                       WHERE relation = $1::regclass AND NOT granted`;
      await awaitCondition(
        async () => ((await client.query(waiting, [table])).rows[0].count >= count ? true : undefined),
        { timeoutMs: 15_000, intervalMs: 5, what: `${count} of ${service} to wait for ${table}` },
      );
    },
    async release() {
      if (released) return;
      released = true;
      await client.end();
    },
  };
}

/** Time goes by for every service, and nobody waits for anything to settle: as the real clock does. */
export async function letTimePass(stack: TestStack, by: Temporal.DurationLike): Promise<void> {
  const start = Temporal.Now.zonedDateTimeISO('UTC');
  const milliseconds = start.until(start.add(by)).total('milliseconds');
  for (const service of ['wallet', 'notifier', 'subscriptions'] as const) {
    const client = new pg.Client({ connectionString: stack.databases[service].url });
    await client.connect();
    await client.query(
      `INSERT INTO billing_clock (id, offset_ms) VALUES (true, $1)
       ON CONFLICT (id) DO UPDATE SET offset_ms = billing_clock.offset_ms + excluded.offset_ms`,
      [milliseconds],
    );
    await client.end();
  }
}
