import type { Envelope, EventDefinition, EventOf } from '@evergreen/contracts/envelope.ts';
import {
  LIFECYCLE_EVENTS,
  PlanChangeDue,
  RenewalDue,
  SubscriptionExpiring,
  SubscriptionRequested,
} from '@evergreen/contracts/events/subscriptions.ts';
import {
  BalanceAdjusted,
  BalanceToppedUp,
  ChargeFailed,
  ChargeRefunded,
  ChargeSucceeded,
  ChargeVoided,
  TopUpFailed,
} from '@evergreen/contracts/events/wallet.ts';
import type { Changed } from '@evergreen/contracts/socket.ts';

interface Change {
  userId: string;
  changed: Changed;
  /** Another service changes what pages show when it hears the same event, which may be a moment later than we do. */
  inAMoment?: true;
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
  ...[ChargeFailed, ChargeVoided].map((definition) =>
    rule(definition, ({ userId, subscriptionId }) => ({
      userId,
      changed: { what: 'subscription', id: subscriptionId },
      inAMoment: true,
    })),
  ),
  ...[SubscriptionRequested, RenewalDue, PlanChangeDue].map((definition) =>
    rule(definition, ({ charge }) => ({
      userId: charge.userId,
      changed: { what: 'subscription', id: charge.subscriptionId },
    })),
  ),
  ...[...LIFECYCLE_EVENTS, SubscriptionExpiring].map((definition) =>
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
