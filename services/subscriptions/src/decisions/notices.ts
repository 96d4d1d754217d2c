import type { NoticeKind } from '@evergreen/contracts/events/subscriptions.ts';
import { daysAfter, isBefore } from './periods.ts';
import { pendingCharge, periodInUse, type Subscription, type Terms } from './subscription.ts';

/** While a payment is waited for the customer is reminded after so many days, and on the last day. */
const REMINDER_DAYS = [1, 3] as const;
const LAST_DAY = 1;

/** What a customer is told ahead. */
export interface Notice {
  readonly kind: NoticeKind;
  readonly endsAt: Temporal.Instant;
  /** What is charged then, or waited for, in minor units; null for nothing. */
  readonly amountMinor: number | null;
  /** What the balance lacked when the wallet last said so. */
  readonly shortfallMinor: number | null;
}

/** When the next notice is to be given; null when there is none to come. */
export function nextNoticeAt(subscription: Subscription): Temporal.Instant | null {
  const { noticedAt } = subscription;
  return noticeMoments(subscription).find((at) => noticedAt === null || isBefore(noticedAt, at)) ?? null;
}

function noticeMoments(subscription: Subscription): Temporal.Instant[] {
  switch (subscription.status) {
    case 'trialing':
    case 'active':
    case 'canceled':
      return subscription.charge ? [] : momentsOfPeriod(subscription);
    case 'pending_renewal':
      return momentsOfGrace(subscription);
    case 'incomplete':
    case 'paused':
    case 'expired':
      return [];
    default:
      return subscription.status satisfies never;
  }
}

/** Of a period that is no longer than the notice there is none: it would come before the period itself. */
function momentsOfPeriod(subscription: Subscription): Temporal.Instant[] {
  const { terms, timeZone } = subscription;
  const { start, end } = periodInUse(subscription);
  const at = daysAfter(end, -terms.noticeDays, timeZone);
  return terms.noticeDays > 0 && isBefore(start, at) ? [at] : [];
}

/** Days are counted from when the money was asked for, in the customer's time zone; the last day before the grace ends. */
function momentsOfGrace(subscription: Subscription): Temporal.Instant[] {
  const { charge, graceEndsAt, timeZone } = subscription;
  if (charge?.state !== 'waiting' || !graceEndsAt) return [];
  const moments = [
    ...REMINDER_DAYS.map((days) => daysAfter(charge.askedAt, days, timeZone)),
    daysAfter(graceEndsAt, -LAST_DAY, timeZone),
  ];
  return moments
    .filter((at) => isBefore(charge.askedAt, at) && isBefore(at, graceEndsAt))
    .sort(Temporal.Instant.compare);
}

/** What there is to tell of the end that comes next. */
export function noticeOf(subscription: Subscription, nextTerms: Terms): Notice {
  const { status, graceEndsAt } = subscription;
  if (status === 'pending_renewal' && graceEndsAt) {
    const { amountMinor, shortfallMinor } = pendingCharge(subscription);
    return { kind: 'grace', endsAt: graceEndsAt, amountMinor, shortfallMinor };
  }
  const { end: endsAt } = periodInUse(subscription);
  if (status === 'canceled') return { kind: 'expiry', endsAt, amountMinor: null, shortfallMinor: null };
  const kind = status === 'trialing' ? 'trial_end' : 'renewal';
  return { kind, endsAt, amountMinor: nextTerms.price.amount, shortfallMinor: null };
}
