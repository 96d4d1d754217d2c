import type { Envelope, EventDefinition } from '@evergreen/contracts/envelope.ts';
import {
  ChargeVoidRequested,
  type DueCharge,
  type LifecycleFacts,
  RenewalDue,
  SubscriptionActivated,
  SubscriptionCanceled,
  SubscriptionExpired,
  SubscriptionPendingRenewal,
  SubscriptionRenewed,
  SubscriptionRequested,
  SubscriptionResumed,
} from '@evergreen/contracts/events/subscriptions.ts';
import { iso } from '@evergreen/service-kit/clock.ts';
import { newEvent } from '@evergreen/service-kit/events.ts';
import { accessAt } from './decisions/access.ts';
import type { CausedMove, Move, Saying } from './decisions/move.ts';
import { type Period, pendingCharge, type Subscription } from './decisions/subscription.ts';

const ABOUT_A_CHARGE = { SubscriptionRequested, RenewalDue, ChargeVoidRequested };
const LIFECYCLE_FACTS = {
  SubscriptionActivated,
  SubscriptionRenewed,
  SubscriptionPendingRenewal,
  SubscriptionCanceled,
  SubscriptionResumed,
  SubscriptionExpired,
};

/** The events that tell of moves, in their order, for the outbox of the same transaction. */
export const eventsOf = (moves: readonly CausedMove[]): Envelope[] =>
  moves.flatMap((move) => move.says.map((saying) => eventOf(move, saying)));

function eventOf(move: CausedMove, saying: Saying): Envelope {
  const { after, at, cause } = move;
  const envelope = {
    subject: after.id,
    time: iso(at),
    correlationId: cause.correlationId,
    // Only an event is named as the cause of an event; requests and the schedule are found by the correlation id.
    ...(cause.type.startsWith('evergreen.') && { causationId: cause.id }),
  };
  if (saying in ABOUT_A_CHARGE) {
    const definition = ABOUT_A_CHARGE[saying as keyof typeof ABOUT_A_CHARGE];
    return newEvent(definition, { ...envelope, data: dueCharge(after) });
  }
  const definition: EventDefinition<typeof SubscriptionActivated.data> =
    LIFECYCLE_FACTS[saying as keyof typeof LIFECYCLE_FACTS];
  return newEvent(definition, { ...envelope, data: lifecycleFacts(move) });
}

function dueCharge(subscription: Subscription): DueCharge {
  const { id: subscriptionId, userId, terms, timeZone, version } = subscription;
  const { id, amountMinor, period, askedAt } = pendingCharge(subscription);
  return {
    charge: {
      id,
      userId,
      subscriptionId,
      amount: amountMinor,
      currency: terms.price.currency,
      description: describe(terms.planName, period, timeZone),
      period: isoPeriod(period),
      businessTime: iso(askedAt),
    },
    planId: terms.planId,
    version,
  };
}

/** What stands in the customer's statement, with the dates of the customer's own calendar. */
function describe(planName: string, { start, end }: Period, timeZone: string): string {
  const [from, to] = [start, end].map((at) => at.toZonedDateTimeISO(timeZone).toPlainDate());
  return `${planName}, ${from} to ${to}`;
}

function lifecycleFacts({ after, at }: Move): LifecycleFacts {
  const { id, userId, terms, status, currentPeriod, version } = after;
  const { until } = accessAt(after, at);
  return {
    subscriptionId: id,
    userId,
    planId: terms.planId,
    planName: terms.planName,
    price: terms.price,
    status,
    currentPeriod: currentPeriod && isoPeriod(currentPeriod),
    accessUntil: until && iso(until),
    version,
    businessTime: iso(at),
  };
}

export const isoPeriod = ({ start, end }: Period) => ({ start: iso(start), end: iso(end) });
