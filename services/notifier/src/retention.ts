import { deleteInBatches, type PruningPool, startPruning } from '@evergreen/service-kit/pruning.ts';
import type { Logger } from 'pino';
import type { NotifierConfig } from './config.ts';

/*
 * How long notifications are kept. It goes by when they were stored, in real time: keeping data is a promise about real
 * days, and whoever plays a year on the billing clock wants to look at that year afterwards.
 */

/** As long as the inbox knows an event, which is longer than any redelivery takes. */
const KEEP_MUTED_DAYS = 30;

/** Days until a notification that was read, or was not, goes. */
export type Retention = Pick<NotifierConfig, 'KEEP_READ_DAYS' | 'KEEP_UNREAD_DAYS'>;

const pruneNotifications = (which: 'read' | 'unread') => ({
  name: `prune-${which}-notifications`,
  text: `DELETE FROM notification WHERE ctid = ANY (ARRAY(
           SELECT ctid FROM notification
           WHERE read_at IS ${which === 'read' ? 'NOT NULL' : 'NULL'} AND stored_at < now() - $1 * interval '1 day'
           ORDER BY stored_at LIMIT $2 FOR UPDATE SKIP LOCKED))`,
});

const PRUNE_MUTED = {
  name: 'prune-muted-facts',
  text: `DELETE FROM muted_fact WHERE ctid = ANY (ARRAY(
           SELECT ctid FROM muted_fact WHERE muted_at < now() - $1 * interval '1 day' LIMIT $2 FOR UPDATE SKIP LOCKED))`,
};

/** What is to go, by name; each answers how many rows went, in batches short enough to disturb nobody. */
export const retentionPrunes = (pool: PruningPool, { KEEP_READ_DAYS, KEEP_UNREAD_DAYS }: Retention) => ({
  'read notifications': () => deleteInBatches(pool, pruneNotifications('read'), [KEEP_READ_DAYS]),
  'unread notifications': () => deleteInBatches(pool, pruneNotifications('unread'), [KEEP_UNREAD_DAYS]),
  'muted facts': () => deleteInBatches(pool, PRUNE_MUTED, [KEEP_MUTED_DAYS]),
});

/** Lets what is too old go, about once an hour. A count that shrinks by it is told with the next change of the mailbox. */
export const startRetention = (pool: PruningPool, logger: Logger, retention: Retention): { stop(): Promise<void> } =>
  startPruning(logger, retentionPrunes(pool, retention));
