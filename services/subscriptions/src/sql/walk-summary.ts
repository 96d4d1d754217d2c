import type { WalkSummary } from '@evergreen/contracts/http/subscriptions.ts';
import type { Currency } from '@evergreen/contracts/money.ts';
import { iso } from '@evergreen/service-kit/clock.ts';
import type pg from 'pg';

const MOVES = {
  name: 'walk-moves',
  text: `SELECT count(*) FILTER (WHERE to_status = 'pending_renewal')::int AS pending,
           count(*) FILTER (WHERE to_status = 'expired')::int AS expired
         FROM timeline_entry WHERE from_status IS DISTINCT FROM to_status AND at > $1 AND at <= $2`,
};

// Paid while active is a renewal, or an upgrade, which only what the money bought tells apart. A charge that bought nothing is
// given back, and counts for nothing here.
const PAID = {
  name: 'walk-paid',
  text: `SELECT p.currency, sum(p.amount)::bigint AS amount,
           count(*) FILTER (WHERE t.from_status <> 'active' AND t.to_status = 'active')::int AS activated,
           count(*) FILTER (WHERE t.from_status = 'active' AND p.bought = 'period')::int AS renewed
         FROM timeline_entry t JOIN paid_charge p ON p.charge_id = t.charge_id
         WHERE t.trigger = 'paid' AND t.at > $1 AND t.at <= $2 AND p.bought <> 'nothing'
         GROUP BY p.currency`,
};

interface PaidRow {
  currency: Currency;
  amount: number;
  activated: number;
  renewed: number;
}

export const NOTHING_HAPPENED: WalkSummary = { activated: 0, renewed: 0, pending: 0, expired: 0, charged: [] };

/** What happened to subscriptions after `from`, until and with `to`, in business time. */
export async function summarize(
  db: Pick<pg.Pool, 'query'>,
  from: Temporal.Instant,
  to: Temporal.Instant,
): Promise<WalkSummary> {
  const values = [iso(from), iso(to)];
  const moves = await db.query<{ pending: number; expired: number }>({ ...MOVES, values });
  const paid = await db.query<PaidRow>({ ...PAID, values });
  const { pending = 0, expired = 0 } = moves.rows[0] ?? {};
  const charged = paid.rows.map(({ currency, amount }) => ({ amount, currency }));
  const inAll = (part: 'activated' | 'renewed') => paid.rows.reduce((sum, row) => sum + row[part], 0);
  return { activated: inAll('activated'), renewed: inAll('renewed'), pending, expired, charged };
}

/** One after the other. */
export function addUp(one: WalkSummary, other: WalkSummary): WalkSummary {
  const amounts = new Map<Currency, number>();
  for (const { amount, currency } of [...one.charged, ...other.charged]) {
    amounts.set(currency, (amounts.get(currency) ?? 0) + amount);
  }
  return {
    activated: one.activated + other.activated,
    renewed: one.renewed + other.renewed,
    pending: one.pending + other.pending,
    expired: one.expired + other.expired,
    charged: [...amounts].sort().map(([currency, amount]) => ({ amount, currency })),
  };
}
