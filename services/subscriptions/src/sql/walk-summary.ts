import type { WalkSummary } from '@evergreen/contracts/http/subscriptions.ts';
import type { Currency } from '@evergreen/contracts/money.ts';
import { iso } from '@evergreen/service-kit/clock.ts';
import type pg from 'pg';

const MOVES = {
  name: 'walk-moves',
  text: `SELECT count(*) FILTER (WHERE trigger = 'paid' AND from_status <> 'active' AND to_status = 'active')::int AS activated,
           count(*) FILTER (WHERE trigger = 'paid' AND from_status = 'active' AND to_status = 'active')::int AS renewed,
           count(*) FILTER (WHERE from_status <> 'pending_renewal' AND to_status = 'pending_renewal')::int AS pending,
           count(*) FILTER (WHERE from_status <> 'expired' AND to_status = 'expired')::int AS expired
         FROM timeline_entry WHERE at > $1 AND at <= $2`,
};

const CHARGED = {
  name: 'walk-charged',
  text: `SELECT currency, sum(amount)::bigint AS amount FROM paid_charge WHERE paid_at > $1 AND paid_at <= $2
         GROUP BY currency ORDER BY currency`,
};

/** What happened to subscriptions after `from`, until and with `to`, in business time. */
export async function summarizeWalk(
  db: Pick<pg.Pool, 'query'>,
  from: Temporal.Instant,
  to: Temporal.Instant,
): Promise<WalkSummary> {
  const values = [iso(from), iso(to)];
  const moves = await db.query<Omit<WalkSummary, 'charged'>>({ ...MOVES, values });
  const charged = await db.query<{ currency: Currency; amount: number }>({ ...CHARGED, values });
  const [counts] = moves.rows;
  if (!counts) throw new Error('a count without a row');
  return { ...counts, charged: charged.rows.map(({ currency, amount }) => ({ amount: Number(amount), currency })) };
}
