import type { Caller } from '@evergreen/service-kit/auth.ts';
import type { Clock } from '@evergreen/service-kit/clock.ts';
import { Problem } from '@evergreen/service-kit/problem.ts';
import { readNow } from './business-time.ts';
import { decide, possibleCommands } from './decisions/lifecycle.ts';
import type { Subscription } from './decisions/subscription.ts';
import type { Command } from './decisions/triggers.ts';
import type { SubscriptionStore } from './subscription-store.ts';
import { noSuchSubscription } from './subscriptions.ts';

export interface CommandRequest {
  id: string;
  command: Command;
  caller: Caller;
  requestId: string;
}

/**
 * Makes the move a customer asks for, and answers the subscription after it.
 * @throws Problem not_found, also for what is another user's; invalid_transition with the commands that are possible
 */
export async function commandSubscription(
  { store, clock }: { store: SubscriptionStore; clock: Clock },
  { id, command, caller, requestId }: CommandRequest,
): Promise<Subscription> {
  const at = await readNow(clock);
  const cause = { type: `POST /v1/subscriptions/{id}/${command}`, id: requestId, correlationId: requestId };
  const [move] = await store.update([id], (locked) => {
    const [subscription] = locked.values();
    if (subscription?.userId !== caller.id) throw noSuchSubscription(id);
    const move = decide(subscription, { name: command, at });
    if (!move) {
      const detail = `A subscription that is ${subscription.status} cannot ${command} now`;
      throw new Problem('invalid_transition', detail, { allowed: possibleCommands(subscription, at) });
    }
    return [{ ...move, cause }];
  });
  if (!move) throw new Error(`${command} of subscription ${id} was decided and not made`);
  return move.after;
}
