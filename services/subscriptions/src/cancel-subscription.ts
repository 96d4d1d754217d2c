import type { CancelBody } from '@evergreen/contracts/http/subscriptions.ts';
import { invalidField } from '@evergreen/service-kit/problem.ts';
import { type CommandRequest, commandSubscription } from './command-subscription.ts';
import type { Subscription } from './decisions/subscription.ts';

/**
 * Switches the renewal off, or ends it at once, with or without what is unused of the money going back to the balance.
 * @throws Problem not_found, invalid_transition; validation_failed for a refund at the end of the period, where nothing is unused
 */
export function cancelSubscription(
  deps: Parameters<typeof commandSubscription>[0],
  { body, ...request }: Omit<CommandRequest, 'verb' | 'triggerOf'> & { body: CancelBody },
): Promise<Subscription> {
  const now = body.at === 'now';
  const refund = body.refund === 'prorated';
  if (refund && !now) {
    throw invalidField('body.refund', 'needs at: now, as nothing is unused at the end of the period');
  }
  return commandSubscription(deps, {
    ...request,
    verb: 'be canceled',
    triggerOf: (_subscription, at) => (now ? { name: 'cancel_now', at, refund } : { name: 'cancel', at }),
  });
}
