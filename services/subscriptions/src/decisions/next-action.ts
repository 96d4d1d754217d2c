import { periodInUse, type Subscription } from './subscription.ts';
import type { TimedTrigger } from './triggers.ts';

/** How long a first payment is waited for. */
export const INCOMPLETE_HOURS = 24;

export interface TimedAction {
  readonly at: Temporal.Instant;
  readonly trigger: TimedTrigger;
}

/**
 * What the scheduler has to do next, and when; null when it is somebody else's turn: the wallet's while it has not answered,
 * the customer's while it is paused, nobody's when it is over.
 */
export function nextAction(subscription: Subscription): TimedAction | null {
  const { status, charge, createdAt, graceEndsAt } = subscription;
  if (charge && charge.state !== 'waiting') return null;
  switch (status) {
    case 'incomplete':
      return { at: createdAt.add({ hours: INCOMPLETE_HOURS }), trigger: 'incomplete_timeout' };
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
