import type { Envelope, EventDefinition } from '@evergreen/contracts/envelope.ts';
import {
  ChargeVoidRequested,
  type DueCharge,
  type LifecycleFacts,
  PlanChangeDue,
  RefundDue,
  RenewalDue,
  SubscriptionActivated,
  SubscriptionCanceled,
  SubscriptionExpired,
  SubscriptionExpiring,
  SubscriptionExtended,
  SubscriptionPaused,
  SubscriptionPendingRenewal,
  SubscriptionPlanChanged,
  SubscriptionRenewed,
  SubscriptionRequested,
  SubscriptionResumed,
} from '@evergreen/contracts/events/subscriptions.ts';
import { iso } from '@evergreen/service-kit/clock.ts';
import { newEvent } from '@evergreen/service-kit/events.ts';
import { accessAt } from './decisions/access.ts';
import type { CausedMove, Move, Refund, Saying } from './decisions/move.ts';
import { type Period, pendingCharge, type Subscription } from './decisions/subscription.ts';

const ABOUT_A_CHARGE = { SubscriptionRequested, RenewalDue, PlanChangeDue, ChargeVoidRequested };
const LIFECYCLE_FACTS = {
  SubscriptionActivated,
  SubscriptionRenewed,
  SubscriptionPendingRenewal,
  SubscriptionCanceled,
  SubscriptionResumed,
  SubscriptionPaused,
  SubscriptionPlanChanged,
  SubscriptionExtended,
  SubscriptionExpired,
};

/** The events that tell of moves, in their order, for the outbox of the same transaction. */
export const eventsOf = (moves: readonly CausedMove[]): Envelope[] =>
  moves.flatMap((move) => move.says.flatMap((saying) => said(move, saying)));

function said(move: CausedMove, saying: Saying): Envelope[] {
  const { after, at, cause } = move;
  const envelope = {
    subject: after.id,
    time: iso(at),
    correlationId: cause.correlationId,
    // Only an event is named as the cause of an event; requests and the schedule are found by the correlation id.
    ...(cause.type.startsWith('evergreen.') && { causationId: cause.id }),
  };
  if (saying === 'RefundDue') {
    return move.refunds.map((refund) => newEvent(RefundDue, { ...envelope, data: refundDue(move, refund) }));
  }
  if (saying === 'SubscriptionExpiring') {
    return [newEvent(SubscriptionExpiring, { ...envelope, data: { ...lifecycleFacts(move), ...noticeFacts(move) } })];
  }
  if (saying in ABOUT_A_CHARGE) {
    const definition = ABOUT_A_CHARGE[saying as keyof typeof ABOUT_A_CHARGE];
    return [newEvent(definition, { ...envelope, data: dueCharge(after) })];
  }
  const definition: EventDefinition<typeof SubscriptionActivated.data> =
    LIFECYCLE_FACTS[saying as keyof typeof LIFECYCLE_FACTS];
  return [newEvent(definition, { ...envelope, data: lifecycleFacts(move) })];
}

const refundDue = ({ after, at }: Move, { id, chargeId, amountMinor, reason }: Refund) => ({
  refundId: id,
  chargeId,
  subscriptionId: after.id,
  userId: after.userId,
  amount: amountMinor,
  currency: after.terms.price.currency,
  reason,
  businessTime: iso(at),
});

function noticeFacts({ after, notice }: Move) {
  if (!notice) throw new Error(`subscription ${after.id} has a notice of nothing`);
  const { kind, endsAt, amountMinor, shortfallMinor } = notice;
  const amountDue = amountMinor === null ? null : { amount: amountMinor, currency: after.terms.price.currency };
  return { notice: kind, endsAt: iso(endsAt), amountDue, shortfall: shortfallMinor };
}

function dueCharge(subscription: Subscription): DueCharge {
  const { id: subscriptionId, userId, terms, timeZone, version } = subscription;
  const { id, state, amountMinor, period, askedAt } = pendingCharge(subscription);
  const upgrade = state.startsWith('change_') ? subscription.change : null;
  return {
    charge: {
      id,
      userId,
      subscriptionId,
      amount: amountMinor,
      currency: terms.price.currency,
      description: describe(upgrade ? `Upgrade to ${upgrade.planName}` : terms.planName, period, timeZone),
      planName: upgrade?.planName ?? terms.planName,
      upgrade: upgrade !== null,
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
    change: changeOf(after),
    version,
    businessTime: iso(at),
  };
}

/** The plan it changes to, and when; null while its payment is on its way. */
export function changeOf({ change, charge, currentPeriod }: Subscription) {
  if (!change) return null;
  const { planId, planName, price, interval } = change;
  return { planId, planName, price, interval, at: currentPeriod && !charge ? iso(currentPeriod.end) : null };
}

export const isoPeriod = ({ start, end }: Period) => ({ start: iso(start), end: iso(end) });
