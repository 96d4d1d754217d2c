import type { QueryConfig } from 'pg';

/** Notifications in one answer, and how far back a notification is looked at for having been read. */
export const PAGE_SIZE = 100;

/** One row for each notification, or one with `id` null when there is none; no row at all for a mailbox never opened. */
export interface SinceRow {
  version: number;
  unreadCount: number;
  locale: string | null;
  timeZone: string | null;
  /** Which of the latest ones up to `after` are read by now. */
  readIds: string[] | null;
  id: string | null;
  seq: number;
  type: string;
  kind: string;
  data: unknown;
  live: boolean;
  readAt: Date | null;
  createdAt: Date;
}

/**
 * What happened in a mailbox after a version, oldest first, in one snapshot together with the state it led to.
 * @param after null for the state alone
 */
export const readSince = (userId: string, after: number | null): QueryConfig => ({
  name: 'read-since',
  text: `
    SELECT mailbox.version, unread.count AS "unreadCount", account.locale, account.time_zone AS "timeZone",
      known.read_ids AS "readIds", missed.*
    FROM mailbox
    LEFT JOIN account USING (user_id)
    CROSS JOIN LATERAL (
      SELECT count(*)::int AS count FROM notification n WHERE n.user_id = mailbox.user_id AND n.read_at IS NULL
    ) AS unread
    CROSS JOIN LATERAL (
      SELECT array_agg(latest.id) FILTER (WHERE latest.read_at IS NOT NULL) AS read_ids
      FROM (
        SELECT n.id, n.read_at FROM notification n
        WHERE n.user_id = mailbox.user_id AND n.seq <= $2::bigint ORDER BY n.seq DESC LIMIT ${PAGE_SIZE}
      ) AS latest
    ) AS known
    LEFT JOIN LATERAL (
      SELECT n.id, n.seq, n.type, n.kind, n.data, n.live, n.read_at AS "readAt", n.created_at AS "createdAt"
      FROM notification n
      WHERE n.user_id = mailbox.user_id AND n.seq > $2::bigint ORDER BY n.seq LIMIT ${PAGE_SIZE}
    ) AS missed ON true
    WHERE mailbox.user_id = $1
    ORDER BY missed.seq`,
  values: [userId, after],
});
