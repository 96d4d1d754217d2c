import type { SchedulerState } from '@evergreen/contracts/http/subscription-operations.ts';
import { type Clock, iso } from '@evergreen/service-kit/clock.ts';
import type pg from 'pg';
import { readNow } from './business-time.ts';
import { type Backlog, readBacklog } from './sql/due.ts';

interface Deps {
  pool: pg.Pool;
  clock: Clock;
}

/** Whether the schedulers are stopped, and what waits for them. */
export async function readSchedulerState({ pool, clock }: Deps): Promise<SchedulerState> {
  const now = await readNow(clock);
  const backlog = await readBacklog(pool, now);
  const { due, oldestDueAt, pausedAt } = backlog;
  return {
    paused: pausedAt !== null,
    pausedAt: pausedAt && iso(pausedAt),
    due,
    oldestDueAt: oldestDueAt && iso(oldestDueAt),
    lagSeconds: lagSeconds(backlog, now),
  };
}

/** Stops the schedulers of all replicas from their next batch on. One that is paused already stays so, since when it was. */
export async function pauseScheduler(deps: Deps): Promise<SchedulerState> {
  await deps.pool.query('INSERT INTO scheduler_pause DEFAULT VALUES ON CONFLICT DO NOTHING');
  return readSchedulerState(deps);
}

/** Lets them go on. */
export async function resumeScheduler(deps: Deps & { wakeScheduler: () => void }): Promise<SchedulerState> {
  await deps.pool.query('DELETE FROM scheduler_pause');
  deps.wakeScheduler();
  return readSchedulerState(deps);
}

/** Age of the oldest due subscription in seconds of business time; 0 when none is due. */
export const lagSeconds = ({ oldestDueAt }: Pick<Backlog, 'oldestDueAt'>, now: Temporal.Instant): number =>
  oldestDueAt ? oldestDueAt.until(now).total('seconds') : 0;
