import type { Currency } from '@evergreen/contracts/money.ts';
import { iso } from '@evergreen/service-kit/clock.ts';
import type pg from 'pg';

// The same that `movesByTime` decides for each, and a test holds the two together: one charge for whoever has used up a period or
// trial that renews and waits for no charge, however long ago that was; at the price of the plan it changes to, else of what its
// plan has become for everybody, else its own.
const CHARGES = {
  name: 'catch-up-charges',
  text: `SELECT s.currency, count(*)::int AS count,
           sum(coalesce((s.change #>> '{price,amount}')::bigint, v.price_amount, s.price_amount))::bigint AS amount
         FROM subscription s
           LEFT JOIN plan p ON p.id = s.plan_id AND p.version_for_all > s.plan_version
           LEFT JOIN plan_version v ON v.plan_id = p.id AND v.version = p.version_for_all
         WHERE s.next_action_at <= $1 AND s.status IN ('trialing', 'active') AND s.charge_id IS NULL
           AND s.current_period_end <= $1
         GROUP BY s.currency ORDER BY s.currency`,
};

/** What would be asked for if all that is due at `now` were done, per currency. A change of plan keeps the currency. */
export async function sumCharges(
  db: Pick<pg.Pool, 'query'>,
  now: Temporal.Instant,
): Promise<{ currency: Currency; count: number; amount: number }[]> {
  return (await db.query({ ...CHARGES, values: [iso(now)] })).rows;
}
