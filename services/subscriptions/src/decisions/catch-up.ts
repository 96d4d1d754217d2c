import { movesByTime } from './by-time.ts';
import { dueAction } from './next-action.ts';
import type { Period, Subscription, Terms } from './subscription.ts';
import type { TimedTrigger } from './triggers.ts';

/** What the scheduler does, in the words of an operator. */
const ACTIONS = {
  due: 'charge',
  notice: 'notice',
  unanswered: 'ask_again',
  grace_ended: 'give_up',
  incomplete_timeout: 'give_up',
  period_ended: 'end',
} as const satisfies Record<TimedTrigger, string>;

export interface CatchUp {
  readonly action: (typeof ACTIONS)[TimedTrigger];
  /** When that fell due. */
  readonly since: Temporal.Instant;
  /** The terms a charge would be at; otherwise those there are. */
  readonly terms: Terms;
  /** What would be asked for; null when nothing is. */
  readonly charge: { readonly amountMinor: number; readonly period: Period } | null;
  readonly skippedPeriods: number;
}

/**
 * What the scheduler would do with a due subscription at `now`.
 * @param newTerms a newer version of its plan that applies to those who have it already; null when there is none
 * @throws Error when it cannot be moved
 */
export function catchUpOf(subscription: Subscription, now: Temporal.Instant, newTerms: Terms | null): CatchUp {
  const action = dueAction(subscription, now);
  const last = movesByTime(subscription, now, newTerms).at(-1);
  if (!action || !last) throw new Error(`subscription ${subscription.id} has nothing due`);
  const charge = action.trigger === 'due' ? last.after.charge : null;
  return {
    action: ACTIONS[action.trigger],
    since: action.at,
    terms: last.after.terms,
    charge: charge && { amountMinor: charge.amountMinor, period: charge.period },
    skippedPeriods: last.skippedPeriods,
  };
}
