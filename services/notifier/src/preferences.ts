import type { NotificationPreferences } from '@evergreen/contracts/http/notifications.ts';
import type pg from 'pg';
import { withDefaults } from './decisions/preferences.ts';

/** Which notifications reach a user. */
export async function readPreferences(pool: pg.Pool, userId: string): Promise<NotificationPreferences> {
  const { rows } = await pool.query<{ chosen: Partial<NotificationPreferences> | null }>(
    `SELECT jsonb_object_agg(type, jsonb_build_object('inbox', inbox, 'live', live)) AS chosen
     FROM preference WHERE user_id = $1`,
    [userId],
  );
  return withDefaults(rows[0]?.chosen ?? null);
}

/** Counts for what happens from now on. What is in the inbox stays there, also of a type that is muted. */
export async function savePreferences(
  pool: pg.Pool,
  userId: string,
  preferences: NotificationPreferences,
): Promise<NotificationPreferences> {
  const rows = Object.entries(preferences).map(([type, { inbox, live }]) => ({ type, inbox, live }));
  await pool.query(
    `INSERT INTO preference (user_id, type, inbox, live)
     SELECT $1, type, inbox, live FROM jsonb_to_recordset($2::jsonb) AS chosen (type text, inbox boolean, live boolean)
     ORDER BY type
     ON CONFLICT (user_id, type) DO UPDATE SET inbox = excluded.inbox, live = excluded.live
     WHERE (preference.inbox, preference.live) IS DISTINCT FROM (excluded.inbox, excluded.live)`,
    [userId, JSON.stringify(rows)],
  );
  return preferences;
}
