import type { QueryConfig } from 'pg';

export interface NewNotification {
  id: string;
  user_id: string;
  seq: number;
  type: string;
  kind: string;
  data: object;
  live: boolean;
  subject_id: string;
  subject_version: number;
  source_event_id: string;
  created_at: string;
}

/** Stores notifications and raises each mailbox, whose lock the caller holds, to the newest of its own. */
export const insertNotifications = (notifications: NewNotification[]): QueryConfig => ({
  name: 'insert-notifications',
  text: `
    WITH entry AS (
      INSERT INTO notification
        (id, user_id, seq, type, kind, data, live, subject_id, subject_version, source_event_id, created_at)
      SELECT id, user_id, seq, type, kind, data, live, subject_id, subject_version, source_event_id, created_at
      FROM jsonb_to_recordset($1::jsonb) AS entry (
        id uuid, user_id uuid, seq bigint, type text, kind text, data jsonb, live boolean, subject_id uuid, subject_version int,
        source_event_id uuid, created_at timestamptz)
      RETURNING user_id, seq
    )
    UPDATE mailbox SET version = newest.seq
    FROM (SELECT user_id, max(seq) AS seq FROM entry GROUP BY user_id) AS newest
    WHERE mailbox.user_id = newest.user_id`,
  values: [JSON.stringify(notifications)],
});
