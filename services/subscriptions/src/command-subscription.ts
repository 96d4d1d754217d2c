import type { Caller } from '@evergreen/service-kit/auth.ts';
import type { Clock } from '@evergreen/service-kit/clock.ts';
import { Problem } from '@evergreen/service-kit/problem.ts';
import { readNow } from './business-time.ts';
import { decide, possibleCommands } from './decisions/decide.ts';
import type { Subscription } from './decisions/subscription.ts';
import type { Trigger } from './decisions/triggers.ts';
import type { SubscriptionStore } from './subscription-store.ts';
import { noSuchSubscription } from './subscriptions.ts';

export interface CommandRequest {
  id: string;
  /** What stands in the timeline as the cause. */
  route: string;
  /** What is asked for, for the one who is told that it cannot be done now. */
  verb: string;
  caller: Caller;
  /** Whether the caller asks as an operator, who may have it done to anybody's. */
  asOperator?: boolean;
  /** An operator's own words. */
  note?: string | undefined;
  requestId: string;
  /** What stands in the timeline as the cause's id; the request's unless given. */
  causeId?: string;
  /** What is asked for, as things stand: null when it is so already. It may refuse with a Problem. */
  triggerOf: (subscription: Subscription, at: Temporal.Instant) => Trigger | null;
}

/**
 * Makes the move that somebody asks for, and answers the subscription after it.
 * @throws Problem not_found, also for what is another user's; invalid_transition with the commands that are possible
 */
export async function commandSubscription(
  { store, clock }: { store: SubscriptionStore; clock: Clock },
  request: CommandRequest,
): Promise<Subscription> {
  const { id, caller, asOperator = false, triggerOf } = request;
  const at = await readNow(clock);
  const cause = causeOf(request);
  let unchanged: Subscription | undefined;
  const [move] = await store.update([id], (locked) => {
    const [subscription] = locked.values();
    if (!subscription || !(asOperator || subscription.userId === caller.id)) throw noSuchSubscription(id);
    const trigger = triggerOf(subscription, at);
    unchanged = trigger ? undefined : subscription;
    if (!trigger) return [];
    const made = decide(subscription, trigger);
    if (!made) throw notNow(subscription, request.verb, at);
    return [{ ...made, cause }];
  });
  const after = move?.after ?? unchanged;
  if (!after) throw new Error(`${request.verb} of subscription ${id} was decided and not made`);
  return after;
}

const causeOf = ({ route, requestId, causeId, caller, asOperator, note }: CommandRequest) => ({
  type: route,
  id: causeId ?? requestId,
  correlationId: requestId,
  actor: { id: caller.id, role: asOperator ? ('operator' as const) : ('customer' as const) },
  ...(note !== undefined && { note }),
});

/** The refusal that says what can be done instead. */
export const notNow = (subscription: Subscription, verb: string, at: Temporal.Instant): Problem =>
  new Problem('invalid_transition', `A subscription that is ${subscription.status} cannot ${verb} now`, {
    allowed: possibleCommands(subscription, at),
  });
