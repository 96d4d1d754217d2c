import type { AdvanceClockBody } from '@evergreen/contracts/http/subscriptions.ts';
import { Problem } from '@evergreen/service-kit/problem.ts';
import { isBefore } from './decisions/periods.ts';

/** How far the clock can be moved at once. */
export const MAX_ADVANCE_YEARS = 10;

/**
 * Where the clock is to be moved: `to`, or `by` an ISO 8601 duration from `now`, on the calendar of the one who asks.
 * @param timeZone IANA
 * @throws Problem validation_failed unless it is exactly one of both, ahead of `now`, and at most 10 years ahead
 */
export function targetOf({ by, to }: AdvanceClockBody, now: Temporal.Instant, timeZone: string): Temporal.Instant {
  if ((by === undefined) === (to === undefined)) throw invalid('body', 'needs exactly one of by and to');
  const start = now.toZonedDateTimeISO(timeZone);
  const field = by === undefined ? 'body.to' : 'body.by';
  const target = read(field, () =>
    by === undefined ? Temporal.Instant.from(to ?? '') : start.add(Temporal.Duration.from(by)).toInstant(),
  ).round({ smallestUnit: 'millisecond', roundingMode: 'ceil' });
  if (!isBefore(now, target)) throw invalid(field, 'must be ahead of the clock, which only moves forward');
  const farthest = start.add({ years: MAX_ADVANCE_YEARS }).toInstant();
  if (isBefore(farthest, target)) throw invalid(field, `must be at most ${MAX_ADVANCE_YEARS} years ahead`);
  return target;
}

function read(field: string, instant: () => Temporal.Instant): Temporal.Instant {
  try {
    return instant();
  } catch {
    throw invalid(field, field === 'body.by' ? 'is not an ISO 8601 duration, such as P1M' : 'is not a moment in time');
  }
}

const invalid = (field: string, message: string): Problem =>
  new Problem('validation_failed', `${field} ${message}`, { errors: [{ field, message }] });
