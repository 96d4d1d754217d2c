import type { Clock } from '@evergreen/service-kit/clock.ts';
import type pg from 'pg';
import type { Logger } from 'pino';
import { Gauge, type Registry } from 'prom-client';
import { readNow } from './business-time.ts';
import { lagSeconds } from './scheduler-state.ts';
import { type Backlog, readBacklog } from './sql/due.ts';

/** How far the schedulers are behind, read when somebody asks for the metrics. */
export function observeLag(deps: { pool: pg.Pool; clock: Clock; logger: Logger; metrics: Registry }): void {
  const { pool, clock, logger, metrics } = deps;
  const readAll = async () => {
    const now = await readNow(clock);
    return { now, backlog: await readBacklog(pool, now) };
  };
  // One query serves all gauges: a scrape asks them at the same time.
  let reading: ReturnType<typeof readAll> | undefined;
  const gauge = (name: string, help: string, read: (backlog: Backlog, now: Temporal.Instant) => number) =>
    new Gauge({
      name,
      help,
      registers: [metrics],
      async collect() {
        try {
          reading ??= readAll().finally(() => {
            reading = undefined;
          });
          const { backlog, now } = await reading;
          this.set(read(backlog, now));
        } catch (err) {
          // The other metrics are wanted most when the database is away.
          logger.warn({ err }, `${name} cannot be read`);
        }
      },
    });
  gauge(
    'evergreen_subscriptions_due_lag_seconds',
    'Age of the oldest due subscription that no scheduler has taken yet, in business time',
    lagSeconds,
  );
  gauge('evergreen_subscriptions_due', 'Due subscriptions that no scheduler has taken yet', ({ due }) => due);
  gauge('evergreen_subscriptions_scheduler_paused', '1 while an operator has stopped the schedulers', ({ pausedAt }) =>
    pausedAt ? 1 : 0,
  );
}
