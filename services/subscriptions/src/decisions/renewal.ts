import { chargeId } from './charge-id.ts';
import { daysAfter, isBefore, nthPeriod, periodAt, wholeDaysBetween } from './periods.ts';
import { type NumberedPeriod, type PendingCharge, pendingCharge, type Subscription } from './subscription.ts';

/** The calendar as it is now; an anchor that moves makes another one. */
const calendarOf = ({ anchor, terms: { interval }, timeZone }: Subscription) => ({ anchor, interval, timeZone });

/**
 * The period to bill next. When we come late by more than a period, as after an outage, it is the one that contains `now`:
 * what elapsed before it was used by nobody and is not billed, neither at once nor later.
 */
export function nextPeriod(subscription: Subscription, now: Temporal.Instant): NumberedPeriod {
  const calendar = calendarOf(subscription);
  const number = subscription.periodNumber + 1;
  const period = nthPeriod(calendar, number);
  return isBefore(now, period.end) ? { number, period } : periodAt(calendar, now);
}

/** A new request for the money of a period, at the price this subscription has. */
export function chargeFor(
  { id, terms }: Pick<Subscription, 'id' | 'terms'>,
  { number, period }: NumberedPeriod,
  askedAt: Temporal.Instant,
): PendingCharge {
  return {
    id: chargeId(id, period.start),
    state: 'requested',
    amountMinor: terms.price.amount,
    period,
    periodNumber: number,
    askedAt,
    shortfallMinor: null,
    version: 0,
  };
}

/**
 * What a payment buys. Nobody pays for days without access: a first payment, and one that ends a wait without access, starts
 * its period when it is made, and the anchor moves there. Any other buys the period that was due.
 */
export function paidPeriod(
  subscription: Subscription,
  paidAt: Temporal.Instant,
): NumberedPeriod & { anchor: Temporal.Instant } {
  const { anchor, currentPeriod, graceEndsAt, terms } = subscription;
  const wentWithoutAccess = currentPeriod === null || (graceEndsAt !== null && !terms.accessDuringGrace);
  if (wentWithoutAccess) {
    const period = nthPeriod({ ...calendarOf(subscription), anchor: paidAt }, 0);
    return { anchor: paidAt, number: 0, period };
  }
  const { period, periodNumber } = pendingCharge(subscription);
  return { anchor, number: periodNumber, period };
}

/**
 * Days of grace count from the moment the period was due. Whole days by which we asked late, as after an outage, are
 * ours and not the customer's, and are added.
 */
export function graceEnd(subscription: Subscription): Temporal.Instant {
  const { timeZone, terms } = subscription;
  const { period, askedAt } = pendingCharge(subscription);
  const lateDays = wholeDaysBetween(period.start, askedAt, timeZone);
  return daysAfter(period.start, lateDays + terms.graceDays, timeZone);
}
