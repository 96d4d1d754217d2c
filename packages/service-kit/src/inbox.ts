import type { ClientBase, Pool } from 'pg';
import type { Logger } from 'pino';
import { endOf, rest } from './backoff.ts';

/*
 * The inbox: one row per consumer and message, which commits with the effect of the message. A message that comes again
 * finds its row, and does nothing. Rows outlive any redelivery by far and are then pruned.
 */

const PRUNE_BATCH = 5_000;
const PRUNE_INTERVAL_MS = 3_600_000;
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
export async function pruneInbox(pool: Pick<Pool, 'query'>, olderThanDays = KEEP_DAYS): Promise<number> {
  let pruned = 0;
  for (;;) {
    const { rowCount } = await pool.query(PRUNE, [olderThanDays, PRUNE_BATCH]);
    pruned += rowCount ?? 0;
    if ((rowCount ?? 0) < PRUNE_BATCH) return pruned;
  }
}

/** Prunes about once an hour, at a time of each replica's own. */
export function startInboxPruning(pool: Pick<Pool, 'query'>, logger: Logger): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const run = async () => {
    while (!stopping.signal.aborted) {
      await rest(PRUNE_INTERVAL_MS * (0.5 + Math.random()), stopping.signal);
      if (stopping.signal.aborted) return;
      await pruneInbox(pool).then(
        (pruned) => logger.debug({ pruned }, 'inbox pruned'),
        (err: unknown) => logger.warn({ err }, 'the inbox could not be pruned'),
      );
    }
  };
  const running = run();
  return {
    async stop() {
      stopping.abort();
      await endOf(running, 5_000);
    },
  };
}
