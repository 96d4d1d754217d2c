import { nextNoticeAt } from './notices.ts';
import { isBefore } from './periods.ts';
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
export const nextAction = (subscription: Subscription): TimedAction | null => timedActions(subscription)[0] ?? null;

/** What is due at `now`. Of a notice and the end it speaks of, when both are, that is the end: we are too late for a notice. */
export const dueAction = (subscription: Subscription, now: Temporal.Instant): TimedAction | null =>
  timedActions(subscription).findLast(({ at }) => !isBefore(now, at)) ?? null;

/** In the order of time. */
function timedActions(subscription: Subscription): TimedAction[] {
  const { charge } = subscription;
  if (charge?.askAgainAt) return [{ at: charge.askAgainAt, trigger: 'unanswered' }];
  const end = endOf(subscription);
  if (!end) return [];
  const noticeAt = nextNoticeAt(subscription);
  return noticeAt && isBefore(noticeAt, end.at) ? [{ at: noticeAt, trigger: 'notice' }, end] : [end];
}

/** When what it has, or waits for, ends. */
function endOf(subscription: Subscription): TimedAction | null {
  const { status, graceEndsAt } = subscription;
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
