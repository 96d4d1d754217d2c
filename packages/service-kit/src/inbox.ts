import type { ClientBase } from 'pg';
import type { Logger } from 'pino';
import { pruneIdempotencyKeys } from './idempotency.ts';
import { deleteInBatches, type PruningPool, startPruning } from './pruning.ts';

/*
 * The inbox: one row per consumer and message, which commits with the effect of the message. A message that comes again
 * finds its row, and does nothing. Rows outlive any redelivery by far and are then pruned.
 */

const KEEP_DAYS = 30;

// In id order, so two batches that share messages wait for each other in one direction and never deadlock.
const CLAIM = {
  name: 'inbox-claim',
  text: `INSERT INTO inbox (consumer, message_id)
         SELECT $1, id FROM unnest($2::uuid[]) AS id ORDER BY id
         ON CONFLICT DO NOTHING RETURNING message_id`,
};

const PRUNE = {
  name: 'inbox-prune',
  text: `DELETE FROM inbox WHERE ctid = ANY (ARRAY(
           SELECT ctid FROM inbox WHERE received_at < now() - $1 * interval '1 day' LIMIT $2 FOR UPDATE SKIP LOCKED))`,
};

/**
 * Takes messages for a consumer, within the caller's transaction, and waits for another one that has them in hand.
 * @param messageIds without repeats, since a repeat would be as fresh as the first
 * @returns those that were never taken before: only they may have an effect, and it has to commit in this transaction
 */
export async function claimInbox(
  client: Pick<ClientBase, 'query'>,
  consumer: string,
  messageIds: readonly string[],
): Promise<Set<string>> {
  if (messageIds.length === 0) return new Set();
  const { rows } = await client.query<{ message_id: string }>(CLAIM, [consumer, messageIds]);
  const fresh = new Set(rows.map(({ message_id }) => message_id));
  // Postgres writes UUIDs in lower case, whatever the sender did.
  return new Set(messageIds.filter((id) => fresh.has(id.toLowerCase())));
}

/**
 * Forgets messages older than `olderThanDays`, in batches short enough to disturb nobody.
 * @returns how many were forgotten
 */
export const pruneInbox = (pool: PruningPool, olderThanDays = KEEP_DAYS): Promise<number> =>
  deleteInBatches(pool, PRUNE, [olderThanDays]);

/** Prunes the inbox about once an hour, and the idempotency keys of a service that has them. */
export function startInboxPruning(pool: PruningPool, logger: Logger, intervalMs?: number): { stop(): Promise<void> } {
  const prunes = {
    inbox: () => pruneInbox(pool),
    'idempotency keys': async () => ((await hasIdempotencyKeys(pool)) ? pruneIdempotencyKeys(pool) : 0),
  };
  return startPruning(logger, prunes, intervalMs);
}

async function hasIdempotencyKeys(pool: PruningPool): Promise<boolean> {
  const { rows } = await pool.query<{ found: boolean }>("SELECT to_regclass('idempotency_key') IS NOT NULL AS found");
  return rows[0]?.found === true;
}
