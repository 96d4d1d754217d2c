import type { Interval, SubscriptionStatus } from '@evergreen/contracts/http/subscriptions.ts';
import type { Currency } from '@evergreen/contracts/money.ts';
import { iso } from '@evergreen/service-kit/clock.ts';
import { nextAction } from './decisions/next-action.ts';
import type { ChargeState, PendingCharge, Period, Subscription } from './decisions/subscription.ts';
import type { Subscription as PrismaSubscription } from './generated/client.ts';

/** `seq` is the database's own, for lists. */
type StoredSubscription = Omit<PrismaSubscription, 'seq'>;

/** A row of table `subscription` as it is read: Prisma answers amounts as bigint, the pool as number. */
export type SubscriptionRow = {
  [K in keyof StoredSubscription]: StoredSubscription[K] | (bigint extends StoredSubscription[K] ? number : never);
};

type Written<T> = T extends Date ? string : T extends bigint ? number : T;

/** The same row as it is written: time in RFC 3339. */
export type WrittenSubscription = { [K in keyof StoredSubscription]: Written<StoredSubscription[K]> };

/** Column and type of what never changes once the row is there. */
export const WRITTEN_ONCE = {
  id: ['id', 'uuid'],
  userId: ['user_id', 'uuid'],
  planId: ['plan_id', 'uuid'],
  planName: ['plan_name', 'text'],
  priceAmount: ['price_amount', 'bigint'],
  currency: ['currency', 'text'],
  intervalUnit: ['interval_unit', 'text'],
  intervalCount: ['interval_count', 'int'],
  graceDays: ['grace_days', 'int'],
  accessDuringGrace: ['access_during_grace', 'boolean'],
  timeZone: ['time_zone', 'text'],
  createdAt: ['created_at', 'timestamptz'],
} as const satisfies Partial<Record<keyof SubscriptionRow, readonly [string, string]>>;

/** Column and type of what moves change. */
export const WRITTEN_BY_MOVES = {
  status: ['status', 'text'],
  anchor: ['anchor', 'timestamptz'],
  periodNumber: ['period_number', 'int'],
  currentPeriodStart: ['current_period_start', 'timestamptz'],
  currentPeriodEnd: ['current_period_end', 'timestamptz'],
  chargeId: ['charge_id', 'uuid'],
  chargeState: ['charge_state', 'text'],
  chargeAmount: ['charge_amount', 'bigint'],
  chargePeriodStart: ['charge_period_start', 'timestamptz'],
  chargePeriodEnd: ['charge_period_end', 'timestamptz'],
  chargePeriodNumber: ['charge_period_number', 'int'],
  chargeAskedAt: ['charge_asked_at', 'timestamptz'],
  chargeRemindAt: ['charge_remind_at', 'timestamptz'],
  chargeShortfall: ['charge_shortfall', 'bigint'],
  chargeVersion: ['charge_version', 'int'],
  cancelAt: ['cancel_at', 'timestamptz'],
  graceEndsAt: ['grace_ends_at', 'timestamptz'],
  nextActionAt: ['next_action_at', 'timestamptz'],
  version: ['version', 'int'],
} as const satisfies Record<Exclude<keyof SubscriptionRow, keyof typeof WRITTEN_ONCE>, readonly [string, string]>;

export function fromRow(row: SubscriptionRow): Subscription {
  return {
    id: row.id,
    userId: row.userId,
    terms: {
      planId: row.planId,
      planName: row.planName,
      price: { amount: Number(row.priceAmount), currency: row.currency as Currency },
      interval: { unit: row.intervalUnit, count: row.intervalCount } as Interval,
      graceDays: row.graceDays,
      accessDuringGrace: row.accessDuringGrace,
    },
    timeZone: row.timeZone,
    status: row.status as SubscriptionStatus,
    anchor: instant(row.anchor),
    periodNumber: row.periodNumber,
    currentPeriod: periodOrNull(row.currentPeriodStart, row.currentPeriodEnd),
    charge: chargeFromRow(row),
    cancelAt: instantOrNull(row.cancelAt),
    graceEndsAt: instantOrNull(row.graceEndsAt),
    version: row.version,
    createdAt: instant(row.createdAt),
  };
}

function chargeFromRow(row: SubscriptionRow): PendingCharge | null {
  const period = periodOrNull(row.chargePeriodStart, row.chargePeriodEnd);
  if (row.chargeId === null || row.chargeAskedAt === null || period === null) return null;
  return {
    id: row.chargeId,
    state: row.chargeState as ChargeState,
    amountMinor: Number(row.chargeAmount),
    period,
    periodNumber: row.chargePeriodNumber ?? 0,
    askedAt: instant(row.chargeAskedAt),
    remindAt: instantOrNull(row.chargeRemindAt),
    shortfallMinor: row.chargeShortfall === null ? null : Number(row.chargeShortfall),
    version: row.chargeVersion ?? 0,
  };
}

export function toRow(subscription: Subscription): WrittenSubscription {
  const { terms, currentPeriod, charge } = subscription;
  return {
    id: subscription.id,
    userId: subscription.userId,
    planId: terms.planId,
    planName: terms.planName,
    priceAmount: terms.price.amount,
    currency: terms.price.currency,
    intervalUnit: terms.interval.unit,
    intervalCount: terms.interval.count,
    graceDays: terms.graceDays,
    accessDuringGrace: terms.accessDuringGrace,
    timeZone: subscription.timeZone,
    status: subscription.status,
    anchor: iso(subscription.anchor),
    periodNumber: subscription.periodNumber,
    currentPeriodStart: isoOrNull(currentPeriod?.start),
    currentPeriodEnd: isoOrNull(currentPeriod?.end),
    chargeId: charge?.id ?? null,
    chargeState: charge?.state ?? null,
    chargeAmount: charge?.amountMinor ?? null,
    chargePeriodStart: isoOrNull(charge?.period.start),
    chargePeriodEnd: isoOrNull(charge?.period.end),
    chargePeriodNumber: charge?.periodNumber ?? null,
    chargeAskedAt: isoOrNull(charge?.askedAt),
    chargeRemindAt: isoOrNull(charge?.remindAt),
    chargeShortfall: charge?.shortfallMinor ?? null,
    chargeVersion: charge?.version ?? null,
    cancelAt: isoOrNull(subscription.cancelAt),
    graceEndsAt: isoOrNull(subscription.graceEndsAt),
    nextActionAt: isoOrNull(nextAction(subscription)?.at),
    version: subscription.version,
    createdAt: iso(subscription.createdAt),
  };
}

const instant = (date: Date): Temporal.Instant => Temporal.Instant.fromEpochMilliseconds(date.getTime());
const instantOrNull = (date: Date | null): Temporal.Instant | null => date && instant(date);
const isoOrNull = (at: Temporal.Instant | null | undefined): string | null => (at ? iso(at) : null);

const periodOrNull = (start: Date | null, end: Date | null): Period | null =>
  start && end && { start: instant(start), end: instant(end) };
