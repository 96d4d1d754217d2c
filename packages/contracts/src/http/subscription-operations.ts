import { type Static, Type } from 'typebox';
import { Currency, Money } from '../money.ts';
import { Nullable, PageQuery, Period, Timestamp, Uuid } from '../primitives.ts';
import { CancelBody, Subscription, SubscriptionStatus } from './subscriptions.ts';

/** What operators ask of subscriptions. */

const reason = Type.String({
  minLength: 1,
  maxLength: 200,
  description: 'Stands in the timeline, where the customer reads it',
});

export const OperatorSubscription = Type.Object({ userId: Uuid, ...Subscription.properties });
export type OperatorSubscription = Static<typeof OperatorSubscription>;

export const OperatorSubscriptionQuery = Type.Object(
  {
    ...PageQuery.properties,
    userId: Type.Optional(Uuid),
    planId: Type.Optional(Uuid),
    status: Type.Optional(SubscriptionStatus),
  },
  { additionalProperties: false },
);
export type OperatorSubscriptionQuery = Static<typeof OperatorSubscriptionQuery>;

export const OperatorCancelBody = Type.Object(
  { ...CancelBody.properties, reason: Type.Optional(reason) },
  { additionalProperties: false },
);
export type OperatorCancelBody = Static<typeof OperatorCancelBody>;

export const ExtendBody = Type.Object(
  {
    by: Type.Optional(
      Type.String({ pattern: '^P', maxLength: 40, description: 'ISO 8601 duration', examples: ['P7D'] }),
    ),
    until: Type.Optional(Timestamp),
    reason,
  },
  { additionalProperties: false, description: 'Exactly one of `by` and `until`' },
);
export type ExtendBody = Static<typeof ExtendBody>;

export const SchedulerState = Type.Object({
  paused: Type.Boolean(),
  pausedAt: Nullable(Type.String({ format: 'date-time', description: 'Real time' })),
  due: Type.Integer({ minimum: 0, description: 'Subscriptions that wait for the scheduler' }),
  oldestDueAt: Nullable(Timestamp),
  lagSeconds: Type.Number({ minimum: 0, description: 'Age of the oldest due one, in business time' }),
});
export type SchedulerState = Static<typeof SchedulerState>;

/** What the scheduler would do with one due subscription if it ran now. */
export const CatchUpItem = Type.Object({
  subscriptionId: Uuid,
  userId: Uuid,
  planName: Type.String(),
  status: SubscriptionStatus,
  action: Type.Enum(['charge', 'end', 'give_up', 'notice', 'ask_again', 'stuck'], {
    description:
      'charge: the money of a period is asked for; end: it is over; give_up: a payment is no longer waited for; notice: the ' +
      'customer is told of what comes; ask_again: the wallet has not answered; stuck: it cannot be moved, and the log says why',
  }),
  dueSince: Timestamp,
  amount: Nullable(Type.Object(Money.properties, { description: 'What would be asked for' })),
  period: Nullable(Period),
  skippedPeriods: Type.Integer({ minimum: 0, description: 'Periods that have passed unused, and would not be billed' }),
});
export type CatchUpItem = Static<typeof CatchUpItem>;

export const CatchUpPreview = Type.Object({
  now: Timestamp,
  paused: Type.Boolean(),
  due: Type.Integer({ minimum: 0 }),
  charges: Type.Array(
    Type.Object({ currency: Currency, count: Type.Integer({ minimum: 1 }), amount: Type.Integer({ minimum: 1 }) }),
    { description: 'What would be asked for in all, per currency' },
  ),
  data: Type.Array(CatchUpItem),
  nextCursor: Nullable(Type.String()),
});
export type CatchUpPreview = Static<typeof CatchUpPreview>;

export const MetricsQuery = Type.Object(
  {
    from: Type.Optional(Timestamp),
    to: Type.Optional(Timestamp),
    step: Type.Optional(Type.Enum(['day', 'week', 'month'], { default: 'day' })),
  },
  { additionalProperties: false, description: 'At most 400 steps; by default the last 30' },
);
export type MetricsQuery = Static<typeof MetricsQuery>;

const count = (description: string) => Type.Integer({ minimum: 0, description });

/** One step of the billing clock, in UTC. Counts of statuses, and MRR, are those at its end. */
export const MetricsPoint = Type.Object({
  start: Timestamp,
  end: Timestamp,
  active: count('Paid'),
  trialing: count('In a trial'),
  pendingRenewal: count('Waiting for a top-up'),
  paused: count('Paused'),
  canceled: count('Running to the end of what is paid'),
  incomplete: count('Waiting for the first payment'),
  started: count('Entered active or pendingRenewal: at the first payment due, or by resuming'),
  churned: count('Left active or pendingRenewal by being canceled or ending'),
  churnRate: Nullable(
    Type.Number({
      minimum: 0,
      description: 'churned / (active + pendingRenewal at the start of the step); null when there were none',
    }),
  ),
  renewals: count('Periods paid that followed another one'),
  mrr: Type.Array(Money, {
    description:
      'Monthly recurring revenue of what is active or pending, per currency: the price over the length of the period, with 365.25 days a year',
  }),
  charged: Type.Array(Money, { description: 'What was paid in this step' }),
});
export type MetricsPoint = Static<typeof MetricsPoint>;
export const Metrics = Type.Object({ now: Timestamp, data: Type.Array(MetricsPoint) });
export type Metrics = Static<typeof Metrics>;
