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
 * answered: how long that takes is for us to answer for, not for the customer.
 */
export function accessAt(subscription: Subscription, now: Temporal.Instant): Access {
  const { status, currentPeriod, graceEndsAt, cancelAt, terms } = subscription;
  const until = currentPeriod?.end ?? null;
  const stop = until && cancelAt ? earlier(until, cancelAt) : until;
  switch (status) {
    case 'trialing':
    case 'active':
      return { isOpen: true, until };
    case 'pending_renewal':
      if (!terms.accessDuringGrace || !graceEndsAt) return { isOpen: false, until };
      return { isOpen: isBefore(now, graceEndsAt), until: graceEndsAt };
    case 'canceled':
      return { isOpen: stop !== null && isBefore(now, stop), until: stop };
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

/** Is there time left that is paid for, or free: of a paused one when the pause began, of any other one at `now`? */
export function hasTimeLeft({ currentPeriod, cancelAt, pausedAt }: Subscription, now: Temporal.Instant): boolean {
  if (!currentPeriod) return false;
  const stop = cancelAt ? earlier(currentPeriod.end, cancelAt) : currentPeriod.end;
  return isBefore(pausedAt ?? now, stop);
}
