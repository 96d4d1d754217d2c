import type { Clock } from '@evergreen/service-kit/clock.ts';
import type pg from 'pg';
import type { Logger } from 'pino';
import { Gauge, type Registry } from 'prom-client';
import { readNow } from './business-time.ts';
import { readOldestDue } from './sql/due.ts';

/** How far the schedulers are behind, read when somebody asks for the metrics. */
export function observeLag(deps: { pool: pg.Pool; clock: Clock; logger: Logger; metrics: Registry }): void {
  const { pool, clock, logger, metrics } = deps;
  new Gauge({
    name: 'subscriptions_due_lag_seconds',
    help: 'Age of the oldest due subscription that no scheduler has taken yet, in business time',
    registers: [metrics],
    async collect() {
      try {
        const now = await readNow(clock);
        const oldest = await readOldestDue(pool, now);
        this.set(oldest ? oldest.until(now).total('seconds') : 0);
      } catch (err) {
        // The other metrics are wanted most when the database is away.
        logger.warn({ err }, 'the lag of the schedulers cannot be read');
      }
    },
  });
}
