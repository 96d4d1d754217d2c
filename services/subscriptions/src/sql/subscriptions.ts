import { WRITTEN_BY_MOVES, WRITTEN_ONCE, type WrittenSubscription } from '../subscription-row.ts';

/** Statements on many subscriptions at once; their texts are put together from the row's one list of columns. */

type Property = keyof WrittenSubscription;

const MOVED = Object.entries(WRITTEN_BY_MOVES) as [Property, readonly [column: string, type: string]][];
const ALL = [...Object.entries(WRITTEN_ONCE), ...MOVED] as typeof MOVED;
const ID_AND_MOVED = [['id', WRITTEN_ONCE.id], ...MOVED] as typeof MOVED;

const SELECTED = ALL.map(([property, [column]]) => `${column} AS "${property}"`).join(', ');

const names = (list: typeof MOVED): string => list.map(([, [column]]) => column).join(', ');
const arrays = (list: typeof MOVED): string => list.map(([, [, type]], index) => `$${index + 1}::${type}[]`).join(', ');
const values = (list: typeof MOVED, rows: readonly WrittenSubscription[]): unknown[][] =>
  list.map(([property]) => rows.map((row) => row[property]));

export interface Statement {
  name: string;
  text: string;
  values: unknown[];
}

/** For `pool.query<SubscriptionRow>`. In id order, so that two batches that share rows wait for each other in one direction. */
export const lockById = (ids: readonly string[]): Statement => ({
  name: 'subscription-lock-by-id',
  text: `SELECT ${SELECTED} FROM subscription WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE`,
  values: [ids],
});

/**
 * The rows that have been due longest; none while the scheduler is paused. Those in another replica's hands are passed over: nobody waits, and no row is
 * taken twice.
 * @param now RFC 3339, business time
 * @param except rows to leave alone
 */
export const lockDue = (now: string, limit: number, except: readonly string[]): Statement => ({
  name: 'subscription-lock-due',
  text: `SELECT ${SELECTED} FROM subscription
         WHERE next_action_at <= $1 AND id <> ALL ($3::uuid[]) AND NOT EXISTS (SELECT FROM scheduler_pause)
         ORDER BY next_action_at LIMIT $2 FOR UPDATE SKIP LOCKED`,
  values: [now, limit, except],
});

/** The last row of the page before, by what the list is in order of. */
export interface DueCursor {
  /** RFC 3339, its `next_action_at`. */
  at: string;
  id: string;
}

/** What is due in the order in which `lockDue` takes it, and locked for nobody; paused or not. */
export const selectDue = (now: string, after: DueCursor | null, limit: number): Statement => ({
  name: after ? 'subscription-select-due-after' : 'subscription-select-due',
  text: `SELECT ${SELECTED} FROM subscription
         WHERE next_action_at <= $1 ${after ? 'AND (next_action_at, id) > ($3, $4)' : ''}
         ORDER BY next_action_at, id LIMIT $2`,
  values: [now, limit, ...(after ? [after.at, after.id] : [])],
});

/** A row that is there already is left as it is: the request is run again after a crash. */
export const insertSubscription = (row: WrittenSubscription): Statement => ({
  name: 'subscription-insert',
  text: `INSERT INTO subscription (${names(ALL)}) SELECT * FROM unnest(${arrays(ALL)}) ON CONFLICT (id) DO NOTHING`,
  values: values(ALL, [row]),
});

/** @param rows one for each subscription, all locked by this transaction */
export const updateSubscriptions = (rows: readonly WrittenSubscription[]): Statement => ({
  name: 'subscription-update',
  text: `UPDATE subscription SET ${MOVED.map(([, [column]]) => `${column} = moved.${column}`).join(', ')}
         FROM unnest(${arrays(ID_AND_MOVED)}) AS moved (${names(ID_AND_MOVED)})
         WHERE subscription.id = moved.id`,
  values: values(ID_AND_MOVED, rows),
});
