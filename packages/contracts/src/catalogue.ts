import type { EventDefinition } from './envelope.ts';
import { UserRegistered, UserUpdated } from './events/auth.ts';
import { PaymentDeclined, PaymentRefunded, PaymentSucceeded } from './events/gateway.ts';
import { NotificationCreated, NotificationsRead } from './events/notifier.ts';
import {
  ChargeVoidRequested,
  ClockAdvanced,
  LIFECYCLE_EVENTS,
  PlanChangeDue,
  RefundDue,
  RenewalDue,
  SubscriptionExpiring,
  SubscriptionRequested,
} from './events/subscriptions.ts';
import {
  BalanceAdjusted,
  BalanceToppedUp,
  ChargeFailed,
  ChargeRefunded,
  ChargeSucceeded,
  ChargeVoided,
  GatewayCircuitClosed,
  GatewayCircuitHalfOpened,
  GatewayCircuitOpened,
  TopUpFailed,
} from './events/wallet.ts';

/** Every event of the system, by type. What is not here is unknown, and goes to a dead-letter queue. */
export const EVENTS: ReadonlyMap<string, EventDefinition> = new Map(
  [
    UserRegistered,
    UserUpdated,
    SubscriptionRequested,
    RenewalDue,
    PlanChangeDue,
    ChargeVoidRequested,
    RefundDue,
    SubscriptionExpiring,
    ...LIFECYCLE_EVENTS,
    ClockAdvanced,
    BalanceToppedUp,
    TopUpFailed,
    ChargeSucceeded,
    ChargeFailed,
    ChargeVoided,
    ChargeRefunded,
    BalanceAdjusted,
    GatewayCircuitOpened,
    GatewayCircuitHalfOpened,
    GatewayCircuitClosed,
    PaymentSucceeded,
    PaymentDeclined,
    PaymentRefunded,
    NotificationCreated,
    NotificationsRead,
  ].map((definition): [string, EventDefinition] => [definition.type, definition]),
);
