import { isBefore } from './periods.ts';
import type { Subscription } from './subscription.ts';

export interface Access {
  /** May the user use it now? */
  readonly isOpen: boolean;
  /** Where what is paid for ends, or the grace; null when nothing ever was. */
  readonly until: Temporal.Instant | null;
}

/**
 * What a user may use. A subscription that renews keeps its access past the end of the period until the wallet has
 * answered: how long that takes is for us to answer for, not for the customer.
 */
export function accessAt(subscription: Subscription, now: Temporal.Instant): Access {
  const { status, currentPeriod, graceEndsAt, terms } = subscription;
  const until = currentPeriod?.end ?? null;
  switch (status) {
    case 'trialing':
    case 'active':
      return { isOpen: true, until };
    case 'pending_renewal':
      if (!terms.accessDuringGrace || !graceEndsAt) return { isOpen: false, until };
      return { isOpen: isBefore(now, graceEndsAt), until: graceEndsAt };
    case 'canceled':
      return { isOpen: until !== null && isBefore(now, until), until };
    case 'incomplete':
    case 'paused':
    case 'expired':
      return { isOpen: false, until };
    default:
      return status satisfies never;
  }
}
