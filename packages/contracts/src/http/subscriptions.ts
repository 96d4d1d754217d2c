import { type Static, Type } from 'typebox';
import { AmountMinor, Currency, Money } from '../money.ts';
import { Nullable, PageQuery, Period, Timestamp, Uuid } from '../primitives.ts';

export const SubscriptionStatus = Type.Enum([
  'incomplete',
  'trialing',
  'active',
  'pending_renewal',
  'paused',
  'canceled',
  'expired',
]);
export type SubscriptionStatus = Static<typeof SubscriptionStatus>;

export const Interval = Type.Object(
  { unit: Type.Enum(['day', 'week', 'month', 'year']), count: Type.Integer({ minimum: 1, maximum: 366 }) },
  { additionalProperties: false, examples: [{ unit: 'month', count: 1 }] },
);
export type Interval = Static<typeof Interval>;

const planFields = {
  name: Type.String({ minLength: 1, maxLength: 80, examples: ['Monthly'] }),
  description: Type.String({ maxLength: 500 }),
  price: Type.Object(
    {
      amount: Type.Integer({ minimum: 1, maximum: 1_000_000_000_000, description: 'Minor units' }),
      currency: Currency,
    },
    { additionalProperties: false },
  ),
  interval: Interval,
  trialDays: Type.Integer({ minimum: 0, maximum: 365 }),
  graceDays: Type.Integer({ minimum: 0, maximum: 365 }),
  accessDuringGrace: Type.Boolean(),
  noticeDays: Type.Integer({
    minimum: 0,
    maximum: 60,
    description:
      'How many days ahead of its end a period is announced; 0 for no notice, and none where the period is no longer than that',
  }),
};

const planVersion = Type.Integer({ minimum: 1, description: 'Grows with every change of what is sold' });

export const Plan = Type.Object({
  id: Uuid,
  ...planFields,
  active: Type.Boolean(),
  version: planVersion,
  createdAt: Timestamp,
});
export type Plan = Static<typeof Plan>;

export const CreatePlanBody = Type.Object(
  {
    name: planFields.name,
    description: Type.Optional(planFields.description),
    price: planFields.price,
    interval: planFields.interval,
    trialDays: Type.Optional(planFields.trialDays),
    graceDays: Type.Optional(planFields.graceDays),
    accessDuringGrace: Type.Optional(planFields.accessDuringGrace),
    noticeDays: Type.Optional(planFields.noticeDays),
  },
  { additionalProperties: false },
);
export type CreatePlanBody = Static<typeof CreatePlanBody>;

/** The interval and the currency of a plan stay: another one is another plan. */
export const UpdatePlanBody = Type.Object(
  {
    name: Type.Optional(planFields.name),
    description: Type.Optional(planFields.description),
    price: Type.Optional(planFields.price),
    trialDays: Type.Optional(planFields.trialDays),
    graceDays: Type.Optional(planFields.graceDays),
    accessDuringGrace: Type.Optional(planFields.accessDuringGrace),
    noticeDays: Type.Optional(planFields.noticeDays),
    active: Type.Optional(Type.Boolean({ description: 'Whether it is sold to new customers' })),
    appliesTo: Type.Optional(
      Type.Enum(['new_subscriptions', 'all_subscriptions'], {
        default: 'new_subscriptions',
        description: 'With all_subscriptions, those who have the plan get the new terms from their next period on',
      }),
    ),
  },
  { additionalProperties: false },
);
export type UpdatePlanBody = Static<typeof UpdatePlanBody>;

/** What was sold under the plan's name from `createdAt` until the next version. */
export const PlanVersion = Type.Object({
  version: planVersion,
  name: planFields.name,
  description: planFields.description,
  price: planFields.price,
  trialDays: planFields.trialDays,
  graceDays: planFields.graceDays,
  accessDuringGrace: planFields.accessDuringGrace,
  noticeDays: planFields.noticeDays,
  appliesTo: Type.Enum(['new_subscriptions', 'all_subscriptions']),
  createdAt: Timestamp,
});
export type PlanVersion = Static<typeof PlanVersion>;

export const PlanQuery = Type.Object(
  {
    ...PageQuery.properties,
    includeInactive: Type.Optional(
      Type.Boolean({ default: false, description: 'Also what is not sold any more; operators only' }),
    ),
  },
  { additionalProperties: false },
);
export type PlanQuery = Static<typeof PlanQuery>;

export const SubscribeBody = Type.Object({ planId: Uuid }, { additionalProperties: false });
export type SubscribeBody = Static<typeof SubscribeBody>;

export const CancelBody = Type.Object(
  {
    at: Type.Optional(Type.Enum(['period_end', 'now'], { default: 'period_end' })),
    refund: Type.Optional(
      Type.Enum(['none', 'prorated'], {
        default: 'none',
        description: 'With `at: now` only: whether the unused part of what was paid goes back to the balance',
      }),
    ),
  },
  { additionalProperties: false },
);
export type CancelBody = Static<typeof CancelBody>;

export const ChangePlanBody = Type.Object({ planId: Uuid }, { additionalProperties: false });
export type ChangePlanBody = Static<typeof ChangePlanBody>;
export const ChangePlanQuery = ChangePlanBody;

const PlanSummary = Type.Object({ planId: Uuid, planName: Type.String(), price: Money, interval: Interval });

/** One line of the arithmetic: `price` for the part of the whole that lies between `from` and `to`. */
export const ProrationLine = Type.Object({
  kind: Type.Enum(['new_plan', 'unused_time']),
  description: Type.String(),
  price: Money,
  from: Timestamp,
  to: Timestamp,
  partMs: Type.Integer({ minimum: 0, description: 'Milliseconds that count' }),
  wholeMs: Type.Integer({ minimum: 1, description: 'Milliseconds that `price` is for' }),
  amount: Type.Integer({
    description:
      'price x partMs / wholeMs in minor units, halves up; below zero, and rounded down, for what is set off',
  }),
});
export type ProrationLine = Static<typeof ProrationLine>;

export const ChangePlanPreview = Type.Object({
  applies: Type.Enum(['now', 'period_end'], {
    description:
      'An upgrade applies now, for the sum of the lines; what would give money back, at the end of the period',
  }),
  appliesAt: Timestamp,
  from: PlanSummary,
  to: PlanSummary,
  lines: Type.Array(ProrationLine, { description: 'What is to be paid now, line by line; empty when nothing is' }),
  dueNow: Money,
  period: Type.Object(Period.properties, { description: 'The first period on the new plan' }),
  nextRenewal: Type.Object({ at: Timestamp, amount: Money }),
});
export type ChangePlanPreview = Static<typeof ChangePlanPreview>;

export const Subscription = Type.Object({
  id: Uuid,
  planId: Uuid,
  planName: Type.String(),
  price: Money,
  interval: Interval,
  planVersion,
  status: SubscriptionStatus,
  currentPeriod: Nullable(Period),
  trial: Type.Boolean({ description: 'Is the current period the free one before the first charge?' }),
  nextRenewalAt: Nullable(Timestamp),
  access: Type.Boolean({ description: 'May the user use it now?' }),
  accessUntil: Nullable(
    Type.String({
      format: 'date-time',
      description:
        'Where what is paid for ends, or the grace; access stays open past it while a renewal is being processed',
    }),
  ),
  cancelAt: Nullable(Timestamp),
  pausedAt: Nullable(Timestamp),
  change: Nullable(
    Type.Object(
      { ...PlanSummary.properties, at: Nullable(Timestamp) },
      { description: 'The plan it changes to, and when; `at` is null while its payment is on its way' },
    ),
  ),
  graceEndsAt: Nullable(Timestamp),
  waitingFor: Nullable(
    Type.Object(
      { chargeId: Uuid, amount: AmountMinor, currency: Currency, shortfall: Nullable(AmountMinor) },
      { description: 'The charge this subscription waits for, and how much the balance lacks' },
    ),
  ),
  timeZone: Type.String(),
  version: Type.Integer({ minimum: 1 }),
  createdAt: Timestamp,
});
export type Subscription = Static<typeof Subscription>;

export const TimelineEntry = Type.Object({
  id: Uuid,
  at: Timestamp,
  from: Nullable(SubscriptionStatus),
  to: SubscriptionStatus,
  trigger: Type.String({ description: 'What made it move' }),
  cause: Type.Object({
    type: Type.String({ description: 'The event or request that led here' }),
    id: Type.String(),
    correlationId: Type.String(),
  }),
  actor: Nullable(
    Type.Object(
      { id: Uuid, role: Type.Enum(['customer', 'operator']) },
      { description: 'Who asked for it; null for time and payments' },
    ),
  ),
  note: Nullable(Type.String({ description: 'Why an operator did it, in the words of the operator' })),
  chargeId: Nullable(Type.String({ format: 'uuid', description: 'The charge it is about, as in the statement' })),
  skippedPeriods: Type.Integer({ minimum: 0, description: 'Periods that had passed unused, and are not billed' }),
  version: Type.Integer({ minimum: 1 }),
});
export type TimelineEntry = Static<typeof TimelineEntry>;

export const UpcomingQuery = Type.Object(
  { count: Type.Optional(Type.Integer({ minimum: 1, maximum: 24, default: 6 })) },
  { additionalProperties: false },
);
export type UpcomingQuery = Static<typeof UpcomingQuery>;

/** A renewal to come, if nothing changes until then. */
export const UpcomingRenewal = Type.Object({
  dueAt: Timestamp,
  period: Period,
  planName: Type.String(),
  amount: Money,
});
export type UpcomingRenewal = Static<typeof UpcomingRenewal>;
export const UpcomingRenewals = Type.Object({ data: Type.Array(UpcomingRenewal) });

/** Which user's; an operator, as the seller's own back end, may ask for anybody's. */
export const EntitlementsQuery = Type.Object({ userId: Type.Optional(Uuid) }, { additionalProperties: false });
export type EntitlementsQuery = Static<typeof EntitlementsQuery>;

/** What a user may use now, for the seller's own back end. */
export const Entitlement = Type.Object({
  subscriptionId: Uuid,
  planId: Uuid,
  planName: Type.String(),
  accessUntil: Timestamp,
});
export type Entitlement = Static<typeof Entitlement>;
export const Entitlements = Type.Object({ data: Type.Array(Entitlement) });

export const Clock = Type.Object({ now: Timestamp, simulated: Type.Boolean(), offsetMs: Type.Integer({ minimum: 0 }) });
export type Clock = Static<typeof Clock>;

export const AdvanceClockBody = Type.Object(
  {
    by: Type.Optional(
      Type.String({ pattern: '^P', maxLength: 40, description: 'ISO 8601 duration', examples: ['P1M'] }),
    ),
    to: Type.Optional(Timestamp),
  },
  { additionalProperties: false, description: 'Exactly one of `by` and `to`' },
);
export type AdvanceClockBody = Static<typeof AdvanceClockBody>;

/** What a walk of the clock led to. */
export const WalkSummary = Type.Object({
  activated: Type.Integer({ minimum: 0, description: 'Paid for the first time, or after a wait' }),
  renewed: Type.Integer({ minimum: 0, description: 'Renewals paid without a wait' }),
  pending: Type.Integer({ minimum: 0, description: 'Times a renewal found the balance short' }),
  expired: Type.Integer({ minimum: 0 }),
  charged: Type.Array(Money, { description: 'What subscriptions were paid with, per currency' }),
});
export type WalkSummary = Static<typeof WalkSummary>;

/** How far a walk has come: the data of the server-sent event `progress`. The last one is `done`, with a ClockAdvance, or `problem`. */
export const ClockProgress = Type.Object({
  now: Timestamp,
  target: Timestamp,
  steps: Type.Integer({ minimum: 0 }),
  summary: WalkSummary,
});
export type ClockProgress = Static<typeof ClockProgress>;

export const ClockAdvance = Type.Object({
  from: Timestamp,
  now: Timestamp,
  steps: Type.Integer({ minimum: 0, description: 'Due moments walked through' }),
  summary: WalkSummary,
});
export type ClockAdvance = Static<typeof ClockAdvance>;
