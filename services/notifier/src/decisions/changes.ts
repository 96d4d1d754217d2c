import type { Envelope, EventDefinition, EventOf } from '@evergreen/contracts/envelope.ts';
import { LIFECYCLE_EVENTS } from '@evergreen/contracts/events/subscriptions.ts';
import {
  BalanceAdjusted,
  BalanceToppedUp,
  ChargeRefunded,
  ChargeSucceeded,
  TopUpFailed,
} from '@evergreen/contracts/events/wallet.ts';
import type { Changed } from '@evergreen/contracts/socket.ts';

interface Change {
  userId: string;
  changed: Changed;
}

type Rule = readonly [type: string, decide: (data: never) => Change];

const rule = <D extends EventDefinition>(definition: D, decide: (data: EventOf<D>['data']) => Change): Rule => [
  definition.type,
  decide,
];

const RULES = new Map<string, Rule[1]>([
  rule(BalanceToppedUp, ({ userId, topUpId }) => ({ userId, changed: { what: 'wallet', id: topUpId } })),
  rule(BalanceAdjusted, ({ userId, adjustmentId }) => ({ userId, changed: { what: 'wallet', id: adjustmentId } })),
  rule(ChargeRefunded, ({ userId, chargeId }) => ({ userId, changed: { what: 'wallet', id: chargeId } })),
  rule(TopUpFailed, ({ userId, topUpId }) => ({ userId, changed: { what: 'wallet', id: topUpId } })),
  rule(ChargeSucceeded, ({ userId, chargeId }) => ({ userId, changed: { what: 'wallet', id: chargeId } })),
  ...LIFECYCLE_EVENTS.map((definition) =>
    rule(definition, ({ userId, subscriptionId }) => ({
      userId,
      changed: { what: 'subscription', id: subscriptionId },
    })),
  ),
]);

/** Whose open pages an event puts out of date, and in what; undefined when in nothing they show. */
export function changeBy(event: Envelope): Change | undefined {
  return RULES.get(event.type)?.(event.data as never);
}
