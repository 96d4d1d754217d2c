import type { AdvanceClockBody } from '@evergreen/contracts/http/subscriptions.ts';
import { invalidField } from '@evergreen/service-kit/problem.ts';
import { isBefore } from './decisions/periods.ts';
import { namedMoment } from './named-moment.ts';

/**
 * Where the clock is to be moved: `to`, or `by` an ISO 8601 duration from `now`, on the calendar of the one who asks.
 * @param timeZone IANA
 * @throws Problem validation_failed unless it is exactly one of both, ahead of `now`, and at most 10 years ahead
 */
export function targetOf(body: AdvanceClockBody, now: Temporal.Instant, timeZone: string): Temporal.Instant {
  const { moment, field } = namedMoment(body, 'to', { from: now, now, timeZone });
  if (!isBefore(now, moment)) throw invalidField(field, 'must be ahead of the clock, which only moves forward');
  return moment;
}
