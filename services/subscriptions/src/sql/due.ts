import { iso } from '@evergreen/service-kit/clock.ts';
import type pg from 'pg';

type Db = Pick<pg.Pool, 'query'>;

// Counted only when somebody asks: it reads every row that is due.
const BACKLOG = {
  name: 'subscription-backlog',
  text: `SELECT count(*)::int AS due, min(next_action_at) AS oldest_due_at,
           (SELECT paused_at FROM scheduler_pause) AS paused_at
         FROM subscription WHERE next_action_at <= $1`,
};

// What the walk of the clock waits for. While the scheduler is paused, what is due waits for an operator.
const IN_HAND = {
  name: 'subscription-in-hand',
  text: `SELECT CASE WHEN NOT EXISTS (SELECT FROM scheduler_pause)
             THEN (SELECT min(next_action_at) FROM subscription WHERE next_action_at <= $1) END AS oldest_due_at,
           (SELECT count(*)::int FROM subscription WHERE charge_id IS NOT NULL AND charge_state <> 'waiting') AS charges`,
};

// One step takes what falls due close together, as a sweep in real time does. Asking the wallet again is no moment to go to:
// the walk waits for the answer. While the scheduler is paused there is nothing to stop for.
const NEXT_MOMENT = {
  name: 'subscription-next-moment',
  text: `SELECT max(next_action_at) AS at FROM subscription
         WHERE charge_ask_again_at IS NULL AND NOT EXISTS (SELECT FROM scheduler_pause)
           AND next_action_at <= least($1::timestamptz, $2 * interval '1 millisecond' + (
             SELECT min(next_action_at) FROM subscription WHERE next_action_at IS NOT NULL AND charge_ask_again_at IS NULL))`,
};

export interface Backlog {
  /** Subscriptions that are due and that no scheduler has taken yet. */
  due: number;
  /** When the oldest of them fell due. */
  oldestDueAt: Temporal.Instant | null;
  /** Since when an operator has stopped the schedulers, in real time. */
  pausedAt: Temporal.Instant | null;
}

/** What waits for the schedulers at `now`, in business time. */
export async function readBacklog(db: Db, now: Temporal.Instant): Promise<Backlog> {
  const { rows } = await db.query<{ due: number; oldest_due_at: Date | null; paused_at: Date | null }>({
    ...BACKLOG,
    values: [iso(now)],
  });
  const [row] = rows;
  return {
    due: row?.due ?? 0,
    oldestDueAt: instantOf(row?.oldest_due_at),
    pausedAt: instantOf(row?.paused_at),
  };
}

/**
 * What is in the schedulers' and the wallet's hands: when the oldest subscription fell due that a scheduler will take, which is
 * none while they are paused, and how many charges the wallet has yet to answer for.
 */
export async function readInHand(
  db: Db,
  now: Temporal.Instant,
): Promise<{ oldestDueAt: Temporal.Instant | null; charges: number }> {
  const { rows } = await db.query<{ oldest_due_at: Date | null; charges: number }>({ ...IN_HAND, values: [iso(now)] });
  return { oldestDueAt: instantOf(rows[0]?.oldest_due_at), charges: rows[0]?.charges ?? 0 };
}

/**
 * The next moment to stop at on the way to `target`: the last one on which something falls due within `windowMs` of the
 * first. Null when nothing falls due until then, and while the scheduler is paused.
 */
export async function readNextMoment(
  db: Db,
  target: Temporal.Instant,
  windowMs: number,
): Promise<Temporal.Instant | null> {
  const { rows } = await db.query<{ at: Date | null }>({ ...NEXT_MOMENT, values: [iso(target), windowMs] });
  return instantOf(rows[0]?.at);
}

const instantOf = (date: Date | null | undefined): Temporal.Instant | null =>
  date ? Temporal.Instant.fromEpochMilliseconds(date.getTime()) : null;
