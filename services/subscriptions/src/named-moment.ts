import { invalidField } from '@evergreen/service-kit/problem.ts';
import { isBefore } from './decisions/periods.ts';

/** How far ahead of now a moment may be that a request names. */
const MAX_YEARS_AHEAD = 10;

/**
 * The moment that a body names: by itself in the field `name`, or in `by` as an ISO 8601 duration from `from`, on the calendar of
 * `timeZone` (IANA). A part of a millisecond counts as a whole one.
 * @returns it, and the field that named it
 * @throws Problem validation_failed unless it is exactly one of both, readable, and at most 10 years after `now`
 */
export function namedMoment<Name extends string>(
  body: { [field in Name | 'by']?: string },
  name: Name,
  { from, now, timeZone }: { from: Temporal.Instant; now: Temporal.Instant; timeZone: string },
): { moment: Temporal.Instant; field: string } {
  const { by, [name]: itself } = body as Record<string, string | undefined>;
  if ((by === undefined) === (itself === undefined)) throw invalidField('body', `needs exactly one of by and ${name}`);
  const field = by === undefined ? `body.${name}` : 'body.by';
  const read = () =>
    by === undefined
      ? Temporal.Instant.from(itself ?? '')
      : from.toZonedDateTimeISO(timeZone).add(Temporal.Duration.from(by)).toInstant();
  const moment = orInvalid(field, read).round({ smallestUnit: 'millisecond', roundingMode: 'ceil' });
  const farthest = now.toZonedDateTimeISO(timeZone).add({ years: MAX_YEARS_AHEAD }).toInstant();
  if (isBefore(farthest, moment)) throw invalidField(field, `must be at most ${MAX_YEARS_AHEAD} years ahead`);
  return { moment, field };
}

function orInvalid(field: string, read: () => Temporal.Instant): Temporal.Instant {
  try {
    return read();
  } catch {
    const message = field === 'body.by' ? 'is not an ISO 8601 duration, such as P1M' : 'is not a moment in time';
    throw invalidField(field, message);
  }
}
