import { accessAt } from './access.ts';
import { nextAskAt } from './ask-again.ts';
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
export const chargeFor = (
  { id, terms }: Pick<Subscription, 'id' | 'terms'>,
  { number, period }: NumberedPeriod,
  at: Temporal.Instant,
): PendingCharge => ({
  ...askFor({ id: chargeId(id, period.start), amountMinor: terms.price.amount, period, at }),
  state: 'requested',
  periodNumber: number,
});

/** What every new request for money has in common. */
export const askFor = ({
  id,
  amountMinor,
  period,
  at,
}: Pick<PendingCharge, 'id' | 'amountMinor' | 'period'> & { at: Temporal.Instant }) => ({
  ...{ id, amountMinor, period, askedAt: at, askAgainAt: nextAskAt(at, at) },
  ...{ shortfallMinor: null, version: 0 },
});

/**
 * What a payment buys. Nobody pays for days without access: where access is closed, because there never was any, or the
 * days of grace have passed, or the customer canceled, the period starts at `at` and the anchor moves there. Where access
 * stayed open it buys the period that was due, so no day of access goes unpaid.
 * @param at when the payment opens access, which is when we hear of it and not when the wallet debited it
 */
export function paidPeriod(
  subscription: Subscription,
  at: Temporal.Instant,
): NumberedPeriod & { anchor: Temporal.Instant } {
  const { period, periodNumber } = pendingCharge(subscription);
  if (accessAt(subscription, at).isOpen) return { anchor: subscription.anchor, number: periodNumber, period };
  return { anchor: at, number: 0, period: nthPeriod({ ...calendarOf(subscription), anchor: at }, 0) };
}

/**
 * Days of grace count from the moment the period was due. Whole days that passed before we knew that the balance is short, as
 * after an outage of ours or of the wallet's, are not the customer's, and are added.
 * @param shortAt when we heard of it
 */
export function graceEnd(subscription: Subscription, shortAt: Temporal.Instant): Temporal.Instant {
  const { timeZone, terms } = subscription;
  const { period } = pendingCharge(subscription);
  const lateDays = wholeDaysBetween(period.start, shortAt, timeZone);
  return daysAfter(period.start, lateDays + terms.graceDays, timeZone);
}
