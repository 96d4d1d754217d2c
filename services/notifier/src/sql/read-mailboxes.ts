import type { NotificationPreferences } from '@evergreen/contracts/http/notifications.ts';
import type { QueryConfig } from 'pg';

export interface MailboxRow {
  userId: string;
  version: number;
  unreadCount: number;
  /** Null, as the time zone, when the account is not known yet. */
  locale: string | null;
  timeZone: string | null;
  /** What the user has ever chosen; null for nothing. */
  chosen: Partial<NotificationPreferences> | null;
}

/** Where mailboxes stand and who reads them. It has to come after the lock: the locking statement saw an older state. */
export const readMailboxes = (userIds: string[]): QueryConfig => ({
  name: 'read-mailboxes',
  text: `
    SELECT mailbox.user_id AS "userId", mailbox.version, unread.count AS "unreadCount", account.locale,
      account.time_zone AS "timeZone", (
        SELECT jsonb_object_agg(p.type, jsonb_build_object('inbox', p.inbox, 'live', p.live))
        FROM preference p WHERE p.user_id = mailbox.user_id
      ) AS chosen
    FROM mailbox
    LEFT JOIN account USING (user_id)
    CROSS JOIN LATERAL (
      SELECT count(*)::int AS count FROM notification n WHERE n.user_id = mailbox.user_id AND n.read_at IS NULL
    ) AS unread
    WHERE mailbox.user_id = ANY ($1::uuid[])`,
  values: [userIds],
});
