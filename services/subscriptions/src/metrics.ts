import type { Metrics, MetricsPoint, MetricsQuery } from '@evergreen/contracts/http/subscription-operations.ts';
import { type Clock, iso } from '@evergreen/service-kit/clock.ts';
import { invalidField } from '@evergreen/service-kit/problem.ts';
import type pg from 'pg';
import { readNow } from './business-time.ts';
import { type MetricPoint, metricPoints } from './decisions/metric-points.ts';
import { MAX_STEPS, startOfLast, stepBounds } from './decisions/metric-steps.ts';
import { earlier, isBefore } from './decisions/periods.ts';
import { readSteps } from './sql/metrics.ts';

const DEFAULT_STEPS = 30;

/**
 * The figures of the business as a time series over the billing clock, up to now. They are summed from the timeline, so what was
 * is the same whenever it is asked for.
 * @throws Problem validation_failed unless `from` is before `to` and before now, and there are at most 400 steps
 */
export async function readMetrics(
  { pool, clock }: { pool: pg.Pool; clock: Clock },
  { from, to, step = 'day' }: MetricsQuery,
): Promise<Metrics> {
  const now = await readNow(clock);
  // What lies ahead of the clock has no figures yet.
  const until = earlier(to === undefined ? now : instantOf('query.to', to), now);
  const since = from === undefined ? startOfLast(DEFAULT_STEPS, until, step) : instantOf('query.from', from);
  if (!isBefore(since, until))
    throw invalidField('query.from', `must be before ${to === undefined ? 'now' : 'to and now'}`);
  const bounds = stepBounds(since, until, step);
  if (!bounds) throw invalidField('query.from', `asks for more than ${MAX_STEPS} steps`);
  const points = metricPoints(bounds.length - 1, await readSteps(pool, bounds));
  return { now: iso(now), data: points.map((point, index) => viewOf(point, bounds[index], bounds[index + 1])) };
}

function viewOf(
  { counts, mrr, charged, ...figures }: MetricPoint,
  start: Temporal.Instant | undefined,
  end: Temporal.Instant | undefined,
): MetricsPoint {
  if (!start || !end) throw new Error('a point of the metrics has no step');
  const { active, trialing, pending_renewal: pendingRenewal, paused, canceled, incomplete } = counts;
  return {
    ...{ start: iso(start), end: iso(end) },
    ...{ active, trialing, pendingRenewal, paused, canceled, incomplete },
    ...figures,
    mrr: [...mrr],
    charged: [...charged],
  };
}

/** Nothing was sold before, and the database keeps no time before the year 1. */
const EARLIEST_YEAR = 1970;

function instantOf(field: string, text: string): Temporal.Instant {
  let instant: Temporal.Instant;
  try {
    instant = Temporal.Instant.from(text);
  } catch {
    throw invalidField(field, 'is not a moment in time');
  }
  if (instant.toZonedDateTimeISO('UTC').year < EARLIEST_YEAR)
    throw invalidField(field, `is before the year ${EARLIEST_YEAR}`);
  return instant;
}
