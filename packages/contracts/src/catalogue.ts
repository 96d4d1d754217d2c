import type { EventDefinition } from './envelope.ts';
import { UserRegistered } from './events/auth.ts';
import { PaymentDeclined, PaymentSucceeded } from './events/gateway.ts';
import { NotificationCreated, NotificationsRead } from './events/notifier.ts';
import {
  ChargeVoidRequested,
  ClockAdvanced,
  LIFECYCLE_EVENTS,
  RenewalDue,
  SubscriptionRequested,
} from './events/subscriptions.ts';
import { BalanceToppedUp, ChargeFailed, ChargeSucceeded, ChargeVoided, TopUpFailed } from './events/wallet.ts';

/** Every event of the system, by type. What is not here is unknown, and goes to a dead-letter queue. */
export const EVENTS: ReadonlyMap<string, EventDefinition> = new Map(
  [
    UserRegistered,
    SubscriptionRequested,
    RenewalDue,
    ChargeVoidRequested,
    ...LIFECYCLE_EVENTS,
    ClockAdvanced,
    BalanceToppedUp,
    TopUpFailed,
    ChargeSucceeded,
    ChargeFailed,
    ChargeVoided,
    PaymentSucceeded,
    PaymentDeclined,
    NotificationCreated,
    NotificationsRead,
  ].map((definition): [string, EventDefinition] => [definition.type, definition]),
);
