import { iso } from '@evergreen/service-kit/clock.ts';
import type pg from 'pg';

type Db = Pick<pg.Pool, 'query'>;

const OLDEST_DUE = {
  name: 'subscription-oldest-due',
  text: 'SELECT min(next_action_at) AS at FROM subscription WHERE next_action_at <= $1',
};

// One step takes what falls due close together, as a sweep in real time does. A reminder of the wallet is no moment to go to:
// the walk waits for the answer.
const NEXT_MOMENT = {
  name: 'subscription-next-moment',
  text: `SELECT max(next_action_at) AS at FROM subscription
         WHERE charge_remind_at IS NULL
           AND next_action_at <= least($1::timestamptz, $2 * interval '1 millisecond' + (
             SELECT min(next_action_at) FROM subscription WHERE next_action_at IS NOT NULL AND charge_remind_at IS NULL))`,
};

const CHARGES_IN_FLIGHT = {
  name: 'subscription-charges-in-flight',
  text: `SELECT count(*)::int AS charges FROM subscription
         WHERE charge_id IS NOT NULL AND charge_state <> 'waiting'`,
};

/** When the oldest due subscription fell due, or null when none is due at `now`. */
export async function readOldestDue(db: Db, now: Temporal.Instant): Promise<Temporal.Instant | null> {
  const { rows } = await db.query<{ at: Date | null }>({ ...OLDEST_DUE, values: [iso(now)] });
  return instantOf(rows[0]?.at);
}

/**
 * The next moment to stop at on the way to `target`: the last one on which something falls due within `windowMs` of the
 * first. Null when nothing falls due until then.
 */
export async function readNextMoment(
  db: Db,
  target: Temporal.Instant,
  windowMs: number,
): Promise<Temporal.Instant | null> {
  const { rows } = await db.query<{ at: Date | null }>({ ...NEXT_MOMENT, values: [iso(target), windowMs] });
  return instantOf(rows[0]?.at);
}

/** Charges the wallet has yet to answer for. */
export async function countChargesInFlight(db: Db): Promise<number> {
  const { rows } = await db.query<{ charges: number }>(CHARGES_IN_FLIGHT);
  return rows[0]?.charges ?? 0;
}

const instantOf = (date: Date | null | undefined): Temporal.Instant | null =>
  date ? Temporal.Instant.fromEpochMilliseconds(date.getTime()) : null;
