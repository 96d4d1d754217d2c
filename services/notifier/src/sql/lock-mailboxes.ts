import type { QueryConfig } from 'pg';

/** Locks the mailboxes of these users, in id order so that batches cannot deadlock, and opens those that are missing. */
export const lockMailboxes = (userIds: string[]): QueryConfig => ({
  name: 'lock-mailboxes',
  text: `
    INSERT INTO mailbox (user_id, version)
    SELECT user_id, 0 FROM unnest($1::uuid[]) AS owner (user_id) ORDER BY user_id
    ON CONFLICT (user_id) DO UPDATE SET version = mailbox.version`,
  values: [userIds],
});
