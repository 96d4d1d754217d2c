import { accessAt } from './access.ts';
import { nthPeriod } from './periods.ts';
import { nextPeriod } from './renewal.ts';
import type { NumberedPeriod, Subscription } from './subscription.ts';

/**
 * The next renewals if nothing changes until then. Empty when it does not renew, and while the dates hang on when a payment
 * comes: the period of a first payment, and of one that ends a wait without access, starts when it is made.
 */
export function upcomingPeriods(subscription: Subscription, count: number, now: Temporal.Instant): NumberedPeriod[] {
  const first = firstUpcoming(subscription, now);
  if (first === null) return [];
  const { anchor, timeZone, terms } = subscription;
  return Array.from({ length: count }, (_, index) => {
    const number = first + index;
    return { number, period: nthPeriod({ anchor, interval: terms.interval, timeZone }, number) };
  });
}

function firstUpcoming(subscription: Subscription, now: Temporal.Instant): number | null {
  const { status, charge } = subscription;
  switch (status) {
    case 'trialing':
    case 'active':
      return charge ? charge.periodNumber + 1 : nextPeriod(subscription, now).number;
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
