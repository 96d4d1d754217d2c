import { type Static, Type } from 'typebox';
import { Charge } from '../charge.ts';
import { defineEvent } from '../envelope.ts';
import { SubscriptionStatus } from '../http/subscriptions.ts';
import { Money, PositiveAmountMinor } from '../money.ts';
import { Nullable, Period, Timestamp, Uuid } from '../primitives.ts';

const DueCharge = Type.Object({ charge: Charge, planId: Uuid, version: Type.Integer({ minimum: 1 }) });
export type DueCharge = Static<typeof DueCharge>;

export const SubscriptionRequested = defineEvent(
  'subscriptions',
  'SubscriptionRequested',
  1,
  'The first period of a new subscription is due',
  DueCharge,
);
export const RenewalDue = defineEvent('subscriptions', 'RenewalDue', 1, 'The next period is due', DueCharge);

/** Carries the whole charge, so that a void which overtakes its due event still leaves a voided charge behind. */
export const ChargeVoidRequested = defineEvent(
  'subscriptions',
  'ChargeVoidRequested',
  1,
  'Stop waiting for this charge; answered by ChargeVoided, or by ChargeSucceeded again when the money came first',
  DueCharge,
);

export const RefundDue = defineEvent(
  'subscriptions',
  'RefundDue',
  1,
  'Give back a paid charge, in part or whole',
  Type.Object({
    refundId: Uuid,
    charge: Charge,
    amount: PositiveAmountMinor,
    reason: Type.String({ minLength: 1, maxLength: 200 }),
    businessTime: Timestamp,
  }),
);

const LifecycleFacts = Type.Object({
  subscriptionId: Uuid,
  userId: Uuid,
  planId: Uuid,
  planName: Type.String(),
  price: Money,
  status: SubscriptionStatus,
  currentPeriod: Nullable(Period),
  accessUntil: Nullable(Timestamp),
  version: Type.Integer({ minimum: 1, description: 'Grows with every change of this subscription' }),
  businessTime: Timestamp,
});
export type LifecycleFacts = Static<typeof LifecycleFacts>;

const lifecycle = (name: string, meaning: string) => defineEvent('subscriptions', name, 1, meaning, LifecycleFacts);

export const SubscriptionActivated = lifecycle(
  'SubscriptionActivated',
  'Paid for, or on trial: access begins, or begins again',
);
export const SubscriptionRenewed = lifecycle('SubscriptionRenewed', 'The next period is paid');
export const SubscriptionPendingRenewal = lifecycle(
  'SubscriptionPendingRenewal',
  'The renewal is due and the balance is short; it waits for a top-up until the days of grace run out',
);
export const SubscriptionCanceled = lifecycle(
  'SubscriptionCanceled',
  'Auto-renewal is off; it runs to the end of what is paid',
);
export const SubscriptionResumed = lifecycle('SubscriptionResumed', 'Auto-renewal is on again');
export const SubscriptionExpired = lifecycle('SubscriptionExpired', 'Over');

export const LIFECYCLE_EVENTS = [
  SubscriptionActivated,
  SubscriptionRenewed,
  SubscriptionPendingRenewal,
  SubscriptionCanceled,
  SubscriptionResumed,
  SubscriptionExpired,
] as const;

export const ClockAdvanced = defineEvent(
  'subscriptions',
  'ClockAdvanced',
  1,
  'An operator moved the simulated billing clock; the offset only ever grows',
  Type.Object({ offsetMs: Type.Integer({ minimum: 0 }), now: Timestamp }),
);
