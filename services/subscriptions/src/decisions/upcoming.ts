import { accessAt } from './access.ts';
import { nthPeriod } from './periods.ts';
import { applyTerms } from './plan-change.ts';
import { nextPeriod } from './renewal.ts';
import type { Period, Subscription, Terms } from './subscription.ts';

export interface UpcomingPeriod {
  readonly period: Period;
  /** Those it is on by then. */
  readonly terms: Terms;
}

/**
 * The next renewals if nothing changes until then. Empty when it does not renew, and while the dates hang on when a payment
 * comes: the period of a first payment, and of one that ends a wait without access, starts when it is made.
 * @param newTerms a newer version of its plan that applies to those who have it already; null when there is none
 */
export function upcomingPeriods(
  before: Subscription,
  { count, now, newTerms }: { count: number; now: Temporal.Instant; newTerms: Terms | null },
): UpcomingPeriod[] {
  const subscription = withNextTerms(before, newTerms, now);
  const first = firstUpcoming(subscription, now);
  if (first === null) return [];
  const { anchor, timeZone, terms } = subscription;
  return Array.from({ length: count }, (_, index) => ({
    period: nthPeriod({ anchor, interval: terms.interval, timeZone }, first + index),
    terms,
  }));
}

/** A charge that is on its way is at the terms of before. */
function withNextTerms(subscription: Subscription, newTerms: Terms | null, at: Temporal.Instant): Subscription {
  const terms = termsOfNextPeriod(subscription, newTerms);
  if (!subscription.currentPeriod || terms === subscription.terms) return subscription;
  return { ...subscription, ...applyTerms(subscription, { name: 'terms_due', terms, at }) };
}

/**
 * What the next period is on: the plan that was chosen for then, or what the plan it has has become for everybody.
 * @param newTerms a newer version of its plan that applies to those who have it already; null when there is none
 */
export function termsOfNextPeriod({ terms, change, charge }: Subscription, newTerms: Terms | null): Terms {
  const chosen = charge ? null : change;
  return chosen ?? newTerms ?? terms;
}

function firstUpcoming(subscription: Subscription, now: Temporal.Instant): number | null {
  const { status, charge } = subscription;
  switch (status) {
    case 'trialing':
    case 'active':
      return charge?.state === 'requested' ? charge.periodNumber + 1 : nextPeriod(subscription, now).number;
    case 'pending_renewal':
      return charge && accessAt(subscription, now).isOpen ? charge.periodNumber + 1 : null;
    case 'incomplete':
    case 'paused':
    case 'canceled':
    case 'expired':
      return null;
    default:
      return status satisfies never;
  }
}
