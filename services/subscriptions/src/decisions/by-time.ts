import { decide } from './decide.ts';
import type { Move } from './move.ts';
import { dueAction } from './next-action.ts';
import type { Subscription, Terms } from './subscription.ts';
import { termsOfNextPeriod } from './upcoming.ts';

/**
 * What time brings about at `now`: one move, or two where a period ends and other terms apply from the next one on.
 * @param newTerms a newer version of its plan that applies to those who have it already; null when there is none
 * @throws Error when nothing is due, or the lifecycle has no such move
 */
export function movesByTime(subscription: Subscription, now: Temporal.Instant, newTerms: Terms | null): Move[] {
  const action = dueAction(subscription, now);
  const terms = termsOfNextPeriod(subscription, newTerms);
  if (action?.trigger === 'due' && terms !== subscription.terms) {
    const changed = decide(subscription, { name: 'terms_due', at: now, terms });
    const due = changed && decide(changed.after, { name: 'due', at: now });
    if (changed && due) return [changed, due];
  } else if (action) {
    const { trigger: name } = action;
    const move = decide(subscription, name === 'notice' ? { name, at: now, nextTerms: terms } : { name, at: now });
    if (move) return [move];
  }
  throw new Error(`subscription ${subscription.id} is ${subscription.status} and has nothing due`);
}
