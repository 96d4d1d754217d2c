import { type Static, Type } from 'typebox';
import { Charge } from '../charge.ts';
import { defineEvent } from '../envelope.ts';
import { Interval, SubscriptionStatus } from '../http/subscriptions.ts';
import { Currency, Money, PositiveAmountMinor } from '../money.ts';
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

/** Unlike the other two it is not waited for: a balance that is short leaves the plan as it is. */
export const PlanChangeDue = defineEvent(
  'subscriptions',
  'PlanChangeDue',
  1,
  "An upgrade's prorated difference is due; it is paid at once or not at all",
  DueCharge,
);

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
  'Give back a paid charge, in part or whole, as far as it has not been given back yet',
  Type.Object({
    refundId: Uuid,
    chargeId: Uuid,
    subscriptionId: Uuid,
    userId: Uuid,
    amount: PositiveAmountMinor,
    currency: Currency,
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
  change: Nullable(
    Type.Object(
      { planId: Uuid, planName: Type.String(), price: Money, interval: Interval, at: Nullable(Timestamp) },
      { description: 'The plan it changes to, and when; `at` is null while its payment is on its way' },
    ),
  ),
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

export const SubscriptionPaused = lifecycle(
  'SubscriptionPaused',
  'No renewals and no access until it is resumed; the time that is paid for is kept',
);
export const SubscriptionPlanChanged = lifecycle(
  'SubscriptionPlanChanged',
  'The plan or its price is another one from now on, or a change at the end of the period was chosen or dropped',
);
export const SubscriptionExtended = lifecycle(
  'SubscriptionExtended',
  'An operator moved the end of the period, or of the days of grace, for free',
);

/** What the end that a notice speaks of is the end of. */
export const NoticeKind = Type.Enum(['renewal', 'trial_end', 'expiry', 'grace']);
export type NoticeKind = Static<typeof NoticeKind>;

export const SubscriptionExpiring = defineEvent(
  'subscriptions',
  'SubscriptionExpiring',
  1,
  'A notice ahead: what the customer has ends soon, and what happens then',
  Type.Object({
    ...LifecycleFacts.properties,
    notice: NoticeKind,
    endsAt: Timestamp,
    amountDue: Nullable(
      Type.Object(Money.properties, { description: 'What is charged then, or waited for; null for nothing' }),
    ),
    shortfall: Nullable(PositiveAmountMinor),
  }),
);

/** All that tells of a subscription as a whole. */
export const LIFECYCLE_EVENTS = [
  SubscriptionActivated,
  SubscriptionRenewed,
  SubscriptionPendingRenewal,
  SubscriptionCanceled,
  SubscriptionResumed,
  SubscriptionExpired,
  SubscriptionPaused,
  SubscriptionPlanChanged,
  SubscriptionExtended,
] as const;

export const ClockAdvanced = defineEvent(
  'subscriptions',
  'ClockAdvanced',
  1,
  'An operator moved the simulated billing clock; the offset only ever grows',
  Type.Object({ offsetMs: Type.Integer({ minimum: 0 }), now: Timestamp }),
);
