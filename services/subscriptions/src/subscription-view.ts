import type { OperatorSubscription } from '@evergreen/contracts/http/subscription-operations.ts';
import type {
  Entitlement,
  Subscription as SubscriptionBody,
  UpcomingRenewal,
} from '@evergreen/contracts/http/subscriptions.ts';
import { iso } from '@evergreen/service-kit/clock.ts';
import { accessAt } from './decisions/access.ts';
import type { Subscription, Terms } from './decisions/subscription.ts';
import { upcomingPeriods } from './decisions/upcoming.ts';
import { changeOf, isoPeriod } from './subscription-events.ts';

const RENEWS = new Set(['trialing', 'active']);

/** A subscription as the API shows it, with what follows from its state at `now`. */
export function viewOf(subscription: Subscription, now: Temporal.Instant): SubscriptionBody {
  const { id, terms, status, currentPeriod, charge, cancelAt, pausedAt, graceEndsAt, timeZone, version } = subscription;
  const access = accessAt(subscription, now);
  return {
    id,
    planId: terms.planId,
    planName: terms.planName,
    price: terms.price,
    interval: terms.interval,
    planVersion: terms.planVersion,
    status,
    currentPeriod: currentPeriod && isoPeriod(currentPeriod),
    trial: subscription.isTrial,
    nextRenewalAt: currentPeriod && RENEWS.has(status) ? iso(currentPeriod.end) : null,
    access: access.isOpen,
    accessUntil: access.until && iso(access.until),
    cancelAt: cancelAt && iso(cancelAt),
    pausedAt: pausedAt && iso(pausedAt),
    change: changeOf(subscription),
    graceEndsAt: graceEndsAt && status === 'pending_renewal' ? iso(graceEndsAt) : null,
    waitingFor: charge && {
      chargeId: charge.id,
      amount: charge.amountMinor,
      currency: terms.price.currency,
      shortfall: charge.shortfallMinor,
    },
    timeZone,
    version,
    createdAt: iso(subscription.createdAt),
  };
}

/** The same, with whose it is. */
export const operatorViewOf = (subscription: Subscription, now: Temporal.Instant): OperatorSubscription => ({
  userId: subscription.userId,
  ...viewOf(subscription, now),
});

/** @param newTerms a newer version of its plan that applies to those who have it already; null when there is none */
export const upcomingOf = (
  subscription: Subscription,
  asked: { count: number; now: Temporal.Instant; newTerms: Terms | null },
): UpcomingRenewal[] =>
  upcomingPeriods(subscription, asked).map(({ period, terms }) => ({
    dueAt: iso(period.start),
    period: isoPeriod(period),
    planName: terms.planName,
    amount: terms.price,
  }));

/** What it entitles its user to at `now`, or null. */
export function entitlementOf(subscription: Subscription, now: Temporal.Instant): Entitlement | null {
  const { id, terms } = subscription;
  const { isOpen, until } = accessAt(subscription, now);
  if (!isOpen || !until) return null;
  return { subscriptionId: id, planId: terms.planId, planName: terms.planName, accessUntil: iso(until) };
}
