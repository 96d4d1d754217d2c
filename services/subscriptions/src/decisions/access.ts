import { earlier, isBefore } from './periods.ts';
import type { Subscription } from './subscription.ts';

export interface Access {
  /** May the user use it now? */
  readonly isOpen: boolean;
  /** Where what is paid for ends, or the grace; null when nothing ever was, and while it is paused. */
  readonly until: Temporal.Instant | null;
}

/**
 * What a user may use. A subscription that renews keeps its access past the end of the period until the wallet has
 * answered: how long that takes is for us to answer for, not for the customer. Grace gives access to the period that is being
 * waited for and to no other: longer than that, the payment would pay for one period of many.
 */
export function accessAt(subscription: Subscription, now: Temporal.Instant): Access {
  const { status, currentPeriod, charge, graceEndsAt, cancelAt, terms } = subscription;
  const until = currentPeriod?.end ?? null;
  const stop = until && cancelAt ? earlier(until, cancelAt) : until;
  switch (status) {
    case 'trialing':
    case 'active':
      return { isOpen: true, until };
    case 'pending_renewal':
      if (!terms.accessDuringGrace || !graceEndsAt || !charge) return { isOpen: false, until };
      return openUntil(earlier(graceEndsAt, charge.period.end), now);
    case 'canceled':
      return stop ? openUntil(stop, now) : { isOpen: false, until: null };
    case 'incomplete':
      return { isOpen: false, until };
    case 'paused':
      return { isOpen: false, until: null };
    case 'expired':
      return { isOpen: false, until: stop };
    default:
      return status satisfies never;
  }
}

const openUntil = (until: Temporal.Instant, now: Temporal.Instant): Access => ({ isOpen: isBefore(now, until), until });

/** Is there time left that is paid for, or free: of a paused one when the pause began, of any other one at `now`? */
export function hasTimeLeft({ currentPeriod, cancelAt, pausedAt }: Subscription, now: Temporal.Instant): boolean {
  if (!currentPeriod) return false;
  const stop = cancelAt ? earlier(currentPeriod.end, cancelAt) : currentPeriod.end;
  return isBefore(pausedAt ?? now, stop);
}
