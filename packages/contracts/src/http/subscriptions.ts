import { type Static, Type } from 'typebox';
import { AmountMinor, Currency, Money, PositiveAmountMinor } from '../money.ts';
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
  price: Type.Object({ amount: PositiveAmountMinor, currency: Currency }, { additionalProperties: false }),
  interval: Interval,
  trialDays: Type.Integer({ minimum: 0, maximum: 365 }),
  graceDays: Type.Integer({ minimum: 0, maximum: 365 }),
  accessDuringGrace: Type.Boolean(),
};

export const Plan = Type.Object({ id: Uuid, ...planFields, active: Type.Boolean(), createdAt: Timestamp });
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
  },
  { additionalProperties: false },
);
export type CreatePlanBody = Static<typeof CreatePlanBody>;

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
  { at: Type.Optional(Type.Enum(['period_end'], { default: 'period_end' })) },
  { additionalProperties: false },
);
export type CancelBody = Static<typeof CancelBody>;

export const Subscription = Type.Object({
  id: Uuid,
  planId: Uuid,
  planName: Type.String(),
  price: Money,
  interval: Interval,
  status: SubscriptionStatus,
  currentPeriod: Nullable(Period),
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
export const UpcomingRenewal = Type.Object({ dueAt: Timestamp, period: Period, amount: Money });
export type UpcomingRenewal = Static<typeof UpcomingRenewal>;
export const UpcomingRenewals = Type.Object({ data: Type.Array(UpcomingRenewal) });

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

export const ClockAdvance = Type.Object({
  now: Timestamp,
  steps: Type.Integer({ minimum: 0, description: 'Due moments walked through' }),
  settled: Type.Boolean(),
});
export type ClockAdvance = Static<typeof ClockAdvance>;
