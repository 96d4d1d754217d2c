import { EVENTS } from './catalogue.ts';
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

/** The one topic exchange; the routing key of an event is its type. */
export const EVENT_EXCHANGE = 'evergreen.events';

/**
 * How long a message rests before each further try, per attempt that failed. One retry queue per delay, so that a
 * long rest never holds up a short one. After the last, the message goes to the dead-letter queue.
 */
export const RETRY_DELAYS_MS = [1_000, 5_000, 30_000] as const;

/**
 * Deliveries that end without an acknowledgement before the broker itself dead-letters the message. A message that was only
 * handed out ahead counts too, so restarts and a long database outage must fit in, and a message that kills its consumer must end.
 */
export const DELIVERY_LIMIT = 100;

/** Messages a queue holds before the broker refuses more; publishers then keep them in their outbox. */
export const MAX_QUEUE_LENGTH = 1_000_000;

/** Largest message that is looked at; a larger one goes to the dead-letter queue unread. */
export const MAX_MESSAGE_BYTES = 262_144;

/** Dead letters of one queue that can be looked at, and so chosen from, at a time: the oldest. */
export const MAX_DEAD_LETTERS_SHOWN = 100;

/** A durable quorum queue of one consumer for one concern, with `<name>.retry.<n>` and `<name>.dead` beside it. */
export interface QueueDefinition {
  readonly name: string;
  readonly events: readonly EventDefinition[];
}

/** Every version of these events is bound, so that one we do not know is dead-lettered and not lost. */
export const bindingKeys = (events: readonly EventDefinition[]): string[] => [
  ...new Set(events.map(({ type }) => type.replace(/\.v\d+$/, '.*'))),
];

export const WALLET_CHARGES: QueueDefinition = {
  name: 'wallet.charges',
  events: [SubscriptionRequested, RenewalDue, PlanChangeDue, ChargeVoidRequested, RefundDue],
};
export const WALLET_PAYMENTS: QueueDefinition = {
  name: 'wallet.payments',
  events: [PaymentSucceeded, PaymentDeclined, PaymentRefunded],
};
export const WALLET_CLOCK: QueueDefinition = { name: 'wallet.clock', events: [ClockAdvanced] };

export const SUBSCRIPTIONS_PAYMENTS: QueueDefinition = {
  name: 'subscriptions.payments',
  events: [ChargeSucceeded, ChargeFailed, ChargeVoided],
};

export const NOTIFIER_INBOX: QueueDefinition = {
  name: 'notifier.inbox',
  events: [
    BalanceToppedUp,
    TopUpFailed,
    ChargeSucceeded,
    ChargeFailed,
    ChargeRefunded,
    BalanceAdjusted,
    GatewayCircuitOpened,
    GatewayCircuitHalfOpened,
    GatewayCircuitClosed,
    SubscriptionExpiring,
    ...LIFECYCLE_EVENTS,
  ],
};
export const NOTIFIER_ACCOUNTS: QueueDefinition = { name: 'notifier.accounts', events: [UserRegistered, UserUpdated] };
export const NOTIFIER_CLOCK: QueueDefinition = { name: 'notifier.clock', events: [ClockAdvanced] };

/** All durable queues. They are there before any service starts, so no event is lost to a consumer that has not started yet. */
export const QUEUES: readonly QueueDefinition[] = [
  WALLET_CHARGES,
  WALLET_PAYMENTS,
  WALLET_CLOCK,
  SUBSCRIPTIONS_PAYMENTS,
  NOTIFIER_INBOX,
  NOTIFIER_ACCOUNTS,
  NOTIFIER_CLOCK,
];

/**
 * What each notifier replica hears on a transient queue of its own, to push to the sockets it holds: notifications,
 * and the facts after which an open page is out of date.
 */
export const SOCKET_EVENTS: readonly EventDefinition[] = [
  NotificationCreated,
  NotificationsRead,
  BalanceToppedUp,
  TopUpFailed,
  ChargeSucceeded,
  ChargeRefunded,
  BalanceAdjusted,
  ChargeFailed,
  ChargeVoided,
  SubscriptionRequested,
  RenewalDue,
  PlanChangeDue,
  SubscriptionExpiring,
  ...LIFECYCLE_EVENTS,
];

export const NOTIFIER_SOCKETS: QueueDefinition = { name: 'notifier.sockets', events: SOCKET_EVENTS };

/**
 * What a notifier replica hears while an operator watches the flow of events: all of them, and what any consumer sets
 * aside for another try or as a dead letter.
 */
export const NOTIFIER_FLOW: QueueDefinition = { name: 'notifier.flow', events: [...EVENTS.values()] };

/** Queues that each replica makes for itself, as `<name>.<uuid>`, and that go with its connection. */
export const TRANSIENT_QUEUES: readonly QueueDefinition[] = [NOTIFIER_SOCKETS, NOTIFIER_FLOW];

/** The queues an event of this type goes to, whatever its version; that of the sockets stands for one of each replica. */
export const queuesOf = (type: string): string[] => {
  const [key] = type.split(/\.v\d+$/);
  return [...QUEUES, NOTIFIER_SOCKETS]
    .filter(({ events }) => events.some((event) => event.type.replace(/\.v\d+$/, '') === key))
    .map(({ name }) => name);
};
