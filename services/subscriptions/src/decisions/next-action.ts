import { periodInUse, type Subscription } from './subscription.ts';
import type { TimedTrigger } from './triggers.ts';

export interface TimedAction {
  readonly at: Temporal.Instant;
  readonly trigger: TimedTrigger;
}

/**
 * What the scheduler has to do next, and when. While the wallet has not answered that is to ask again, so nothing hangs on
 * one message. Null when it is the customer's turn, while it is paused, or nobody's, when it is over.
 */
export function nextAction(subscription: Subscription): TimedAction | null {
  const { status, charge, graceEndsAt } = subscription;
  if (charge?.remindAt) return { at: charge.remindAt, trigger: 'unanswered' };
  switch (status) {
    case 'incomplete':
      return graceEndsAt && { at: graceEndsAt, trigger: 'incomplete_timeout' };
    case 'trialing':
    case 'active':
      return { at: periodInUse(subscription).end, trigger: 'due' };
    case 'pending_renewal':
      return graceEndsAt && { at: graceEndsAt, trigger: 'grace_ended' };
    case 'canceled':
      return { at: periodInUse(subscription).end, trigger: 'period_ended' };
    case 'paused':
    case 'expired':
      return null;
    default:
      return status satisfies never;
  }
}
