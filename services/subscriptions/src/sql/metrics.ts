import { iso } from '@evergreen/service-kit/clock.ts';
import type pg from 'pg';
import type { MovesInStep, PaidInStep } from '../decisions/metric-points.ts';

type Db = Pick<pg.Pool, 'query'>;

// Reads the whole history up to the last bound, and of that only index `timeline_entry_change`, which has all it needs.
const MOVES = {
  name: 'metrics-moves',
  text: `SELECT width_bucket(at, $1::timestamptz[]) - 1 AS step, from_status AS "from", to_status AS "to", currency,
           count(*)::int AS count, sum(mrr_change)::bigint AS "mrrChange"
         FROM timeline_entry
         WHERE (from_status IS DISTINCT FROM to_status OR mrr_change <> 0) AND at < $2
         GROUP BY 1, from_status, to_status, currency`,
};

// A charge that bought nothing is given back, and counts for nothing here.
const PAID = {
  name: 'metrics-paid',
  text: `SELECT width_bucket(paid_at, $1::timestamptz[]) - 1 AS step, currency, sum(amount)::bigint AS amount,
           count(*) FILTER (WHERE bought = 'period' AND EXISTS (
             SELECT FROM paid_charge earlier
             WHERE earlier.subscription_id = p.subscription_id AND earlier.bought = 'period'
               AND earlier.period_start < p.period_start))::int AS renewals
         FROM paid_charge p
         WHERE bought <> 'nothing' AND paid_at >= $2 AND paid_at < $3
         GROUP BY 1, currency`,
};

/**
 * What moved and what was paid, by step.
 * @param bounds two or more, in order
 */
export async function readSteps(
  db: Db,
  bounds: readonly Temporal.Instant[],
): Promise<{ moves: MovesInStep[]; paid: PaidInStep[] }> {
  const [times, last] = [bounds.map(iso), bounds.at(-1)];
  if (!last) throw new Error('metrics of no step were asked for');
  const moves = await db.query<MovesInStep>({ ...MOVES, values: [times, iso(last)] });
  const paid = await db.query<PaidInStep>({ ...PAID, values: [times, times[0], iso(last)] });
  return { moves: moves.rows, paid: paid.rows };
}
