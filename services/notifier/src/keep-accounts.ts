import type { UserFacts } from '@evergreen/contracts/events/auth.ts';
import type pg from 'pg';

/**
 * Keeps what notifications need to know of accounts. It needs no inbox: an older version, or the same again, changes
 * nothing, in any order.
 */
export async function keepAccounts(pool: pg.Pool, facts: readonly UserFacts[]): Promise<void> {
  await pool.query({
    name: 'keep-accounts',
    // One statement may touch a row once, so of several versions in the batch only the newest goes in.
    text: `
      INSERT INTO account (user_id, locale, time_zone, version)
      SELECT DISTINCT ON ("userId") "userId", locale, "timeZone", version
      FROM jsonb_to_recordset($1::jsonb) AS heard ("userId" uuid, locale text, "timeZone" text, version int)
      ORDER BY "userId", version DESC
      ON CONFLICT (user_id) DO UPDATE
      SET locale = excluded.locale, time_zone = excluded.time_zone, version = excluded.version
      WHERE account.version < excluded.version`,
    values: [JSON.stringify(facts)],
  });
}
