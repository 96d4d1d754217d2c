import type { Interval } from '@evergreen/contracts/http/subscriptions.ts';
import type { NumberedPeriod, Period } from './subscription.ts';

/** All that the periods of a subscription follow from. */
export interface Calendar {
  readonly anchor: Temporal.Instant;
  readonly interval: Interval;
  /** IANA time zone. */
  readonly timeZone: string;
}

const UNITS = { day: 'days', week: 'weeks', month: 'months', year: 'years' } as const;

/**
 * The n-th period, n from 0, computed from the anchor and never from the period before: the 31st comes back after
 * February (31 Jan, 28 Feb, 31 Mar). It starts at the anchor's wall-clock time. Where the clocks were put forward over
 * that time it starts as much later, and where the time comes twice it starts the first time (Temporal's `compatible`).
 */
export const nthPeriod = (calendar: Calendar, number: number): Period => ({
  start: startOf(calendar, number),
  end: startOf(calendar, number + 1),
});

function startOf({ anchor, interval, timeZone }: Calendar, number: number): Temporal.Instant {
  const elapsed = { [UNITS[interval.unit]]: number * interval.count };
  return anchor.toZonedDateTimeISO(timeZone).add(elapsed).toInstant();
}

/** The period that contains `now`, which may be no earlier than the anchor. */
export function periodAt(calendar: Calendar, now: Temporal.Instant): NumberedPeriod {
  const { anchor, interval, timeZone } = calendar;
  const unit = UNITS[interval.unit];
  const elapsed = anchor.toZonedDateTimeISO(timeZone).until(now.toZonedDateTimeISO(timeZone), { largestUnit: unit });
  // Whole units elapsed are right but for the edges: month ends, and days on which the clocks change.
  let number = Math.max(0, Math.floor(elapsed[unit] / interval.count));
  while (number > 0 && isBefore(now, startOf(calendar, number))) number--;
  while (!isBefore(now, startOf(calendar, number + 1))) number++;
  return { number, period: nthPeriod(calendar, number) };
}

/** `days` calendar days later, at the same time of day in that zone. */
export const daysAfter = (instant: Temporal.Instant, days: number, timeZone: string): Temporal.Instant =>
  instant.toZonedDateTimeISO(timeZone).add({ days }).toInstant();

/** Whole calendar days from one instant to a later one; 0 when it is not later. */
export const wholeDaysBetween = (from: Temporal.Instant, to: Temporal.Instant, timeZone: string): number =>
  Math.max(0, from.toZonedDateTimeISO(timeZone).until(to.toZonedDateTimeISO(timeZone), { largestUnit: 'days' }).days);

export const isBefore = (one: Temporal.Instant, other: Temporal.Instant): boolean =>
  Temporal.Instant.compare(one, other) < 0;

export const later = (one: Temporal.Instant, other: Temporal.Instant): Temporal.Instant =>
  isBefore(one, other) ? other : one;

export const earlier = (one: Temporal.Instant, other: Temporal.Instant): Temporal.Instant =>
  isBefore(one, other) ? one : other;

/** Whole milliseconds from one instant to another; below zero when that is the earlier one. */
export const msBetween = (from: Temporal.Instant, to: Temporal.Instant): number =>
  to.epochMilliseconds - from.epochMilliseconds;

export const shifted = ({ start, end }: Period, milliseconds: number): Period => ({
  start: start.add({ milliseconds }),
  end: end.add({ milliseconds }),
});
