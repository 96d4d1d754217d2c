import { ClockAdvanced } from '@evergreen/contracts/events/subscriptions.ts';
import type { ClockAdvance } from '@evergreen/contracts/http/subscriptions.ts';
import { iso, raiseOffsetMs, readOffsetMs } from '@evergreen/service-kit/clock.ts';
import { inTransaction } from '@evergreen/service-kit/database.ts';
import { newEvent } from '@evergreen/service-kit/events.ts';
import { appendToOutbox } from '@evergreen/service-kit/outbox.ts';
import { Problem } from '@evergreen/service-kit/problem.ts';
import type pg from 'pg';
import { readNow } from './business-time.ts';
import { awaitSettled, type SettlingDeps } from './settling.ts';
import { readNextMoment } from './sql/due.ts';
import { summarizeWalk } from './sql/walk-summary.ts';

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

/**
 * Moves the simulated clock to `target` from due moment to due moment, and waits each time until everything has settled. The
 * due work itself is done by the schedulers that run anyway. When it fails on the way the clock stays where it got to,
 * and it can be advanced again.
 * @throws Problem clock_not_simulated, clock_busy while another one moves it, settle_timeout, service_unavailable when the
 * service stops or the connection that holds the lock is lost
 */
export async function advanceClock(
  deps: AdvanceDeps,
  { targetOf, correlationId }: { targetOf: (now: Temporal.Instant) => Temporal.Instant; correlationId: string },
): Promise<ClockAdvance> {
  const { pool, clock, settleTimeoutMs: timeoutMs, stopping } = deps;
  if (!clock.simulated) throw new Problem('clock_not_simulated');
  return alone(pool, async (lost) => {
    const from = await readNow(clock);
    const target = targetOf(from);
    const signal = AbortSignal.any([stopping, lost]);
    await awaitSettled(deps, { timeoutMs, signal });
    let steps = 0;
    for (;;) {
      const moment = await readNextMoment(pool, target, STEP_WINDOW_MS);
      if (!moment) break;
      await moveTo(deps, moment, correlationId);
      await awaitSettled(deps, { timeoutMs, signal });
      steps++;
    }
    await moveTo(deps, target, correlationId);
    await awaitSettled(deps, { timeoutMs, signal });
    const now = await readNow(clock);
    return { from: iso(from), now: iso(now), steps, settled: true, summary: await summarizeWalk(pool, from, now) };
  });
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

/**
 * Runs `work` unless another replica or request is at it. The lock is the connection's and dies with it, and then `lost`
 * aborts: another one may be at it by now.
 */
async function alone<T>(pool: pg.Pool, work: (lost: AbortSignal) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  const lost = new AbortController();
  let broken: Error | undefined;
  const onError = (error: Error) => {
    broken = error;
    lost.abort();
  };
  client.on('error', onError);
  try {
    const { rows } = await client.query<{ mine: boolean }>('SELECT pg_try_advisory_lock($1) AS mine', [CLOCK_LOCK]);
    if (!rows[0]?.mine) throw new Problem('clock_busy');
    try {
      return await work(lost.signal);
    } finally {
      await client.query('SELECT pg_advisory_unlock($1)', [CLOCK_LOCK]).catch(onError);
    }
  } finally {
    client.off('error', onError);
    client.release(broken);
  }
}
