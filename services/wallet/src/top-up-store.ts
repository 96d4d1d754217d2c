import { TopUpFailed } from '@evergreen/contracts/events/wallet.ts';
import type { TopUp } from '@evergreen/contracts/http/wallet.ts';
import type { Currency } from '@evergreen/contracts/money.ts';
import { inTransaction } from '@evergreen/service-kit/database.ts';
import { newEvent } from '@evergreen/service-kit/events.ts';
import { appendToOutbox } from '@evergreen/service-kit/outbox.ts';
import { Problem } from '@evergreen/service-kit/problem.ts';
import type pg from 'pg';
import { noteOutcome, type Refill } from './auto-top-up.ts';
import { requireRoom } from './balance-limit.ts';
import type { Cause, Command } from './decisions/accounts.ts';
import { postToLedger } from './ledger-store.ts';
import { PURSUIT_LEASE_SECONDS } from './pursuits.ts';

/** Half of what the payment gateway is asked for at once: one user never takes all of it. */
const MAX_UNFINISHED_PER_USER = 50;

export interface NewTopUp {
  id: string;
  userId: string;
  amount: number;
  currency: Currency;
  paymentMethod: string;
  /** RFC 3339. */
  businessTime: string;
  correlationId: string;
}

export interface TopUpRow extends NewTopUp {
  origin: 'customer' | 'auto';
  status: TopUp['status'];
  attempts: number;
}

const COLUMNS = `id, user_id AS "userId", amount, currency, payment_method AS "paymentMethod", origin, status,
  attempts,
  to_char(business_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "businessTime",
  correlation_id AS "correlationId"`;

/**
 * Writes down that this payment will be asked for, before it is; undefined when this id was written down before.
 * @throws Problem validation_failed when the balance, with all that is on its way, could pass 2^53-1; rate_limited when the
 * user has 50 under way already
 */
export function recordIntent(pool: pg.Pool, topUp: NewTopUp): Promise<TopUpRow | undefined> {
  return inTransaction(pool, async (client) => {
    const { id, userId, amount, currency, paymentMethod, businessTime, correlationId } = topUp;
    const inserted = await client.query<TopUpRow>(
      `INSERT INTO top_up (id, user_id, amount, currency, payment_method, status, next_attempt_at, business_time, correlation_id)
       VALUES ($1, $2, $3, $4, $5, 'processing', clock_timestamp() + make_interval(secs => ${PURSUIT_LEASE_SECONDS}), $6, $7)
       ON CONFLICT (id) DO NOTHING
       RETURNING ${COLUMNS}`,
      [id, userId, amount, currency, paymentMethod, businessTime, correlationId],
    );
    if (!inserted.rows[0]) return undefined;
    await requireRoom(client, userId, currency);
    await requireFewUnfinished(client, userId);
    return inserted.rows[0];
  });
}

/** Called once the user's account is locked, so that intents are counted one after the other. */
async function requireFewUnfinished(client: pg.PoolClient, userId: string): Promise<void> {
  const { rows } = await client.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM top_up WHERE user_id = $1 AND status = 'processing'`,
    [userId],
  );
  if ((rows[0]?.count ?? 0) > MAX_UNFINISHED_PER_USER) {
    throw new Problem('rate_limited', 'Too many top-ups are under way; wait until they are done', {
      retryAfterSeconds: 5,
    });
  }
}

/** Top-ups and refunds whose outcome is not known yet, whoever pursues them. */
export async function countUnfinished(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    `SELECT (SELECT count(*) FROM top_up WHERE status = 'processing')::int
          + (SELECT count(*) FROM refund WHERE status = 'processing')::int AS count`,
  );
  return rows[0]?.count ?? 0;
}

/**
 * Takes up to `limit` unfinished top-ups that nobody pursues, and leases them to the caller. Users take turns, so that one who
 * has many under way does not hold up the others.
 */
export async function claimUnfinished(pool: pg.Pool, limit: number): Promise<TopUpRow[]> {
  const { rows } = await pool.query<TopUpRow>(
    `WITH waiting AS (
       SELECT id, next_attempt_at, row_number() OVER (PARTITION BY user_id ORDER BY next_attempt_at) AS turn
       FROM top_up WHERE status = 'processing' AND next_attempt_at <= clock_timestamp()
     ), taken AS (
       SELECT t.id FROM top_up t JOIN waiting w ON w.id = t.id
       WHERE t.status = 'processing' AND t.next_attempt_at <= clock_timestamp()
       ORDER BY w.turn, w.next_attempt_at LIMIT $1 FOR UPDATE OF t SKIP LOCKED
     )
     UPDATE top_up SET attempts = attempts + 1,
            next_attempt_at = clock_timestamp() + make_interval(secs => ${PURSUIT_LEASE_SECONDS})
     WHERE id = ANY (ARRAY(SELECT id FROM taken))
     RETURNING ${COLUMNS}`,
    [limit],
  );
  return rows;
}

/** Lets an unfinished top-up rest for `delayMs` before it is pursued again. */
export async function postponePursuit(pool: pg.Pool, id: string, delayMs: number): Promise<void> {
  await pool.query(
    `UPDATE top_up SET next_attempt_at = clock_timestamp() + make_interval(secs => $2)
     WHERE id = $1 AND status = 'processing'`,
    [id, delayMs / 1000],
  );
}

/**
 * What the payment gateway finally did, from its answer, a look-up or its event. `businessTime` is when we learned it: money
 * counts from then on.
 */
export type Settlement = { topUpId: string; businessTime: string; causedBy: Pick<Cause, 'type' | 'causationId'> } & (
  | { status: 'succeeded'; paymentId: string }
  | { status: 'declined'; code: string; message: string }
);

/**
 * Brings top-ups to their end within the caller's transaction: a capture is credited, a decline is noted, each once, however
 * many ways it is heard of. A capture that is heard of after a decline is still credited: the money was taken.
 * @throws Error when a settlement names a top-up that does not exist
 */
export async function settleTopUps(
  client: pg.PoolClient,
  settlements: readonly Settlement[],
  refill: Refill,
): Promise<void> {
  const byId = new Map<string, Settlement>();
  for (const settlement of settlements) {
    // Of two that contradict each other the capture counts.
    if (byId.get(settlement.topUpId)?.status !== 'succeeded') byId.set(settlement.topUpId, settlement);
  }
  const { rows } = await client.query<TopUpRow>(
    `SELECT ${COLUMNS} FROM top_up WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE`,
    [[...byId.keys()]],
  );
  if (rows.length < byId.size) {
    const unknown = [...byId.keys()].filter((id) => !rows.some((row) => row.id === id));
    throw new Error(`payment for unknown top-up ${unknown.join(', ')}`);
  }
  const credits: Command[] = [];
  const ended: { row: TopUpRow; settlement: Settlement }[] = [];
  for (const row of rows) {
    const settlement = byId.get(row.id);
    if (settlement?.status === 'succeeded' && row.status !== 'succeeded') {
      await markSucceeded(client, row.id, settlement.paymentId);
      credits.push(creditOf(row, settlement));
      ended.push({ row, settlement });
    } else if (settlement?.status === 'declined' && row.status === 'processing') {
      ended.push({ row, settlement });
    }
  }
  await postToLedger(client, credits, refill);
  // After the accounts were locked, and not before: everybody locks an account before what says how it is topped up.
  for (const { row, settlement } of ended) {
    if (settlement.status === 'declined') await markFailed(client, row, settlement);
    if (row.origin === 'auto') await noteOutcome(client, row, settlement, settlement.businessTime);
  }
}

/** The same, in a transaction of its own. */
export const settleTopUp = (pool: pg.Pool, settlement: Settlement, refill: Refill): Promise<void> =>
  inTransaction(pool, (client) => settleTopUps(client, [settlement], refill));

const creditOf = (row: TopUpRow, { businessTime, causedBy }: Settlement): Command => ({
  type: 'top_up',
  entry: {
    reference: row.id,
    userId: row.userId,
    currency: row.currency,
    amount: row.amount,
    description: row.origin === 'auto' ? 'Automatic top-up' : 'Top-up',
    businessTime,
    cause: { ...causedBy, correlationId: row.correlationId },
  },
});

async function markSucceeded(client: pg.PoolClient, id: string, paymentId: string): Promise<void> {
  await client.query(
    `UPDATE top_up SET status = 'succeeded', payment_id = $2, failure_code = NULL, failure_message = NULL,
            next_attempt_at = NULL, settled_at = clock_timestamp()
     WHERE id = $1`,
    [id, paymentId],
  );
}

async function markFailed(
  client: pg.PoolClient,
  row: TopUpRow,
  { code, message, businessTime, causedBy: { causationId } }: Settlement & { status: 'declined' },
): Promise<void> {
  await client.query(
    `UPDATE top_up SET status = 'failed', failure_code = $2, failure_message = $3,
            next_attempt_at = NULL, settled_at = clock_timestamp()
     WHERE id = $1`,
    [row.id, code, message],
  );
  const { id: topUpId, userId, amount, currency, correlationId } = row;
  const data = { topUpId, userId, amount, currency, reason: code, businessTime };
  await appendToOutbox(client, [
    newEvent(TopUpFailed, {
      subject: topUpId,
      data,
      time: businessTime,
      correlationId,
      ...(causationId === null ? {} : { causationId }),
    }),
  ]);
}
