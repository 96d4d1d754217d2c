import { ClockAdvanced } from '@evergreen/contracts/events/subscriptions.ts';
import type { ClockAdvance, ClockProgress } from '@evergreen/contracts/http/subscriptions.ts';
import { whileLocked } from '@evergreen/service-kit/advisory-lock.ts';
import { iso, raiseOffsetMs, readOffsetMs } from '@evergreen/service-kit/clock.ts';
import { inTransaction } from '@evergreen/service-kit/database.ts';
import { newEvent } from '@evergreen/service-kit/events.ts';
import { appendToOutbox } from '@evergreen/service-kit/outbox.ts';
import { Problem } from '@evergreen/service-kit/problem.ts';
import type pg from 'pg';
import { readNow } from './business-time.ts';
import { awaitSettled, type SettlingDeps } from './settling.ts';
import { readNextMoment } from './sql/due.ts';
import { addUp, NOTHING_HAPPENED, summarize } from './sql/walk-summary.ts';

/** What falls due this close together is one step. Far below a day, the shortest period, so no date hangs on it. */
const STEP_WINDOW_MS = 60_000;
/** Any number will do, as long as nothing else in this database takes an advisory lock with it. */
const CLOCK_LOCK = 5_810_223_904;

export interface AdvanceDeps extends SettlingDeps {
  wakeOutbox: () => void;
  wakeScheduler: () => void;
  /** How long each step may take to settle. */
  settleTimeoutMs: number;
  /** Aborts when the service stops. */
  stopping: AbortSignal;
}

export interface Walk {
  /** Where to, from where the clock is. It may refuse with a Problem. */
  targetOf: (now: Temporal.Instant) => Temporal.Instant;
  correlationId: string;
  /** Told before the first step, and after each one. */
  onProgress?: (progress: ClockProgress) => void;
  /** Aborts when nobody wants the rest: the walk ends after the step in hand. */
  unwanted?: AbortSignal;
}

/**
 * Moves the simulated clock to its target from due moment to due moment, and waits each time until everything has settled. The
 * due work itself is done by the schedulers that run anyway; while they are paused, the clock goes straight to its target. When it
 * fails on the way the clock stays where it got to, and it can be advanced again.
 * @throws Problem clock_not_simulated, clock_busy while another one moves it, settle_timeout, service_unavailable when the
 * service stops or the connection that holds the lock is lost
 */
export async function advanceClock(deps: AdvanceDeps, walk: Walk): Promise<ClockAdvance> {
  const { pool, clock } = deps;
  if (!clock.simulated) throw new Problem('clock_not_simulated');
  return alone(pool, async (lost) => {
    const from = await readNow(clock);
    return walkTo(deps, walk, { from, target: walk.targetOf(from), lost });
  });
}

async function walkTo(
  deps: AdvanceDeps,
  { correlationId, onProgress, unwanted }: Walk,
  { from, target, lost }: { from: Temporal.Instant; target: Temporal.Instant; lost: AbortSignal },
): Promise<ClockAdvance> {
  const { pool, clock, settleTimeoutMs: timeoutMs, stopping } = deps;
  const signal = AbortSignal.any([stopping, lost]);
  let [now, steps, summary] = [from, 0, NOTHING_HAPPENED];
  const settle = async () => {
    await awaitSettled(deps, { timeoutMs, signal });
    const before = now;
    now = await readNow(clock);
    // Summed up step by step, so that a long walk reads nothing twice.
    summary = addUp(summary, await summarize(pool, before, now));
  };
  const tell = () => onProgress?.({ now: iso(now), target: iso(target), steps, summary });
  tell();
  await settle();
  while (!unwanted?.aborted) {
    const moment = await readNextMoment(pool, target, STEP_WINDOW_MS);
    await moveTo(deps, moment ?? target, correlationId);
    await settle();
    if (!moment) break;
    steps++;
    tell();
  }
  return { from: iso(from), now: iso(now), steps, summary };
}

/** Time that has passed by itself already is no move. */
async function moveTo(deps: AdvanceDeps, moment: Temporal.Instant, correlationId: string): Promise<void> {
  const { pool, clock, wakeOutbox, wakeScheduler } = deps;
  const aheadMs = moment.epochMilliseconds - (await readNow(clock)).epochMilliseconds;
  if (aheadMs <= 0) return;
  await inTransaction(pool, async (client) => {
    const offsetMs = (await readOffsetMs(client)) + aheadMs;
    await raiseOffsetMs(client, offsetMs);
    const now = iso(moment);
    const event = { subject: 'billing-clock', time: now, data: { offsetMs, now }, correlationId };
    await appendToOutbox(client, [newEvent(ClockAdvanced, event)]);
  });
  wakeOutbox();
  wakeScheduler();
}

/** Runs `work` unless another replica or request is at it. */
async function alone<T>(pool: pg.Pool, work: (lost: AbortSignal) => Promise<T>): Promise<T> {
  const done = await whileLocked(pool, CLOCK_LOCK, work);
  if (!done) throw new Problem('clock_busy');
  return done.result;
}
