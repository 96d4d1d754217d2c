/** How the time series of the metrics is cut. */

export type StepUnit = 'day' | 'week' | 'month';

/** More would be slow to read and impossible to look at. */
export const MAX_STEPS = 400;

const UNITS = { day: 'days', week: 'weeks', month: 'months' } as const;

/** Where the step begins that contains `instant`: midnight, Monday's or that of the first of the month, in UTC. */
function stepStart(instant: Temporal.Instant, unit: StepUnit): Temporal.ZonedDateTime {
  const midnight = instant.toZonedDateTimeISO('UTC').startOfDay();
  if (unit === 'week') return midnight.subtract({ days: midnight.dayOfWeek - 1 });
  return unit === 'month' ? midnight.with({ day: 1 }) : midnight;
}

/** The beginning of the step that lies `steps - 1` steps before the one that contains `to`. */
export const startOfLast = (steps: number, to: Temporal.Instant, unit: StepUnit): Temporal.Instant =>
  stepStart(to, unit)
    .subtract({ [UNITS[unit]]: steps - 1 })
    .toInstant();

/**
 * The bounds of the steps: the first one contains `from`, the last one `to`, and each ends where the next one starts.
 * @param from not after `to`
 * @returns one bound more than there are steps; null when there are more than `MAX_STEPS`
 */
export function stepBounds(from: Temporal.Instant, to: Temporal.Instant, unit: StepUnit): Temporal.Instant[] | null {
  const first = stepStart(from, unit);
  const last = stepStart(to, unit);
  const steps = first.until(last, { largestUnit: UNITS[unit] })[UNITS[unit]] + 1;
  if (steps > MAX_STEPS) return null;
  return Array.from({ length: steps + 1 }, (_, index) => first.add({ [UNITS[unit]]: index }).toInstant());
}
