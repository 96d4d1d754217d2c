import type { Interval, SubscriptionStatus } from '@evergreen/contracts/http/subscriptions.ts';
import type { Currency } from '@evergreen/contracts/money.ts';
import { iso } from '@evergreen/service-kit/clock.ts';
import { nextAction } from './decisions/next-action.ts';
import type { ChargeState, PaidPart, PendingCharge, Period, Subscription, Terms } from './decisions/subscription.ts';
import type { Subscription as PrismaSubscription } from './generated/client.ts';

/** `seq` is the database's own, for lists. */
type StoredSubscription = Omit<PrismaSubscription, 'seq'>;

/** A row of table `subscription` as it is read: Prisma answers amounts as bigint, the pool as number. */
export type SubscriptionRow = {
  [K in keyof StoredSubscription]: StoredSubscription[K] | (bigint extends StoredSubscription[K] ? number : never);
};

type Written<T> = T extends Date ? string : T extends bigint ? number : T;

/** The same row as it is written: time in RFC 3339, and what is kept as JSON as a text of it. */
export type WrittenSubscription = {
  [K in Exclude<keyof StoredSubscription, 'paidParts' | 'change'>]: Written<StoredSubscription[K]>;
} & { paidParts: string; change: string | null };

/** A part of what was paid, as it is kept in `paid_parts`. */
interface StoredPart {
  chargeId: string;
  amountMinor: number;
  start: string;
  end: string;
}

/** Column and type of what never changes once the row is there. */
export const WRITTEN_ONCE = {
  id: ['id', 'uuid'],
  userId: ['user_id', 'uuid'],
  timeZone: ['time_zone', 'text'],
  createdAt: ['created_at', 'timestamptz'],
} as const satisfies Partial<Record<keyof SubscriptionRow, readonly [string, string]>>;

/** Column and type of what moves change. */
export const WRITTEN_BY_MOVES = {
  planId: ['plan_id', 'uuid'],
  planName: ['plan_name', 'text'],
  planVersion: ['plan_version', 'int'],
  priceAmount: ['price_amount', 'bigint'],
  currency: ['currency', 'text'],
  intervalUnit: ['interval_unit', 'text'],
  intervalCount: ['interval_count', 'int'],
  graceDays: ['grace_days', 'int'],
  accessDuringGrace: ['access_during_grace', 'boolean'],
  noticeDays: ['notice_days', 'int'],
  status: ['status', 'text'],
  anchor: ['anchor', 'timestamptz'],
  periodNumber: ['period_number', 'int'],
  currentPeriodStart: ['current_period_start', 'timestamptz'],
  currentPeriodEnd: ['current_period_end', 'timestamptz'],
  isTrial: ['is_trial', 'boolean'],
  paidParts: ['paid_parts', 'jsonb'],
  change: ['change', 'jsonb'],
  chargeId: ['charge_id', 'uuid'],
  chargeState: ['charge_state', 'text'],
  chargeAmount: ['charge_amount', 'bigint'],
  chargePeriodStart: ['charge_period_start', 'timestamptz'],
  chargePeriodEnd: ['charge_period_end', 'timestamptz'],
  chargePeriodNumber: ['charge_period_number', 'int'],
  chargeAskedAt: ['charge_asked_at', 'timestamptz'],
  chargeAskAgainAt: ['charge_ask_again_at', 'timestamptz'],
  chargeShortfall: ['charge_shortfall', 'bigint'],
  chargeVersion: ['charge_version', 'int'],
  cancelAt: ['cancel_at', 'timestamptz'],
  pausedAt: ['paused_at', 'timestamptz'],
  graceEndsAt: ['grace_ends_at', 'timestamptz'],
  noticedAt: ['noticed_at', 'timestamptz'],
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
      planVersion: row.planVersion,
      price: { amount: Number(row.priceAmount), currency: row.currency as Currency },
      interval: { unit: row.intervalUnit, count: row.intervalCount } as Interval,
      graceDays: row.graceDays,
      accessDuringGrace: row.accessDuringGrace,
      noticeDays: row.noticeDays,
    },
    timeZone: row.timeZone,
    status: row.status as SubscriptionStatus,
    anchor: instant(row.anchor),
    periodNumber: row.periodNumber,
    currentPeriod: periodOrNull(row.currentPeriodStart, row.currentPeriodEnd),
    isTrial: row.isTrial,
    paidParts: (row.paidParts as unknown as StoredPart[]).map(partFromStored),
    charge: chargeFromRow(row),
    // Written by `toRow` alone.
    change: row.change as unknown as Terms | null,
    cancelAt: instantOrNull(row.cancelAt),
    pausedAt: instantOrNull(row.pausedAt),
    graceEndsAt: instantOrNull(row.graceEndsAt),
    noticedAt: instantOrNull(row.noticedAt),
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
    askAgainAt: instantOrNull(row.chargeAskAgainAt),
    shortfallMinor: row.chargeShortfall === null ? null : Number(row.chargeShortfall),
    version: row.chargeVersion ?? 0,
  };
}

export function toRow(subscription: Subscription): WrittenSubscription {
  const { terms, currentPeriod, charge, change } = subscription;
  return {
    id: subscription.id,
    userId: subscription.userId,
    planId: terms.planId,
    planName: terms.planName,
    planVersion: terms.planVersion,
    priceAmount: terms.price.amount,
    currency: terms.price.currency,
    intervalUnit: terms.interval.unit,
    intervalCount: terms.interval.count,
    graceDays: terms.graceDays,
    accessDuringGrace: terms.accessDuringGrace,
    noticeDays: terms.noticeDays,
    timeZone: subscription.timeZone,
    status: subscription.status,
    anchor: iso(subscription.anchor),
    periodNumber: subscription.periodNumber,
    currentPeriodStart: isoOrNull(currentPeriod?.start),
    currentPeriodEnd: isoOrNull(currentPeriod?.end),
    isTrial: subscription.isTrial,
    paidParts: JSON.stringify(subscription.paidParts.map(storedPart)),
    change: change && JSON.stringify(change),
    chargeId: charge?.id ?? null,
    chargeState: charge?.state ?? null,
    chargeAmount: charge?.amountMinor ?? null,
    chargePeriodStart: isoOrNull(charge?.period.start),
    chargePeriodEnd: isoOrNull(charge?.period.end),
    chargePeriodNumber: charge?.periodNumber ?? null,
    chargeAskedAt: isoOrNull(charge?.askedAt),
    chargeAskAgainAt: isoOrNull(charge?.askAgainAt),
    chargeShortfall: charge?.shortfallMinor ?? null,
    chargeVersion: charge?.version ?? null,
    cancelAt: isoOrNull(subscription.cancelAt),
    pausedAt: isoOrNull(subscription.pausedAt),
    graceEndsAt: isoOrNull(subscription.graceEndsAt),
    noticedAt: isoOrNull(subscription.noticedAt),
    nextActionAt: isoOrNull(nextAction(subscription)?.at),
    version: subscription.version,
    createdAt: iso(subscription.createdAt),
  };
}

const partFromStored = ({ chargeId, amountMinor, start, end }: StoredPart): PaidPart => ({
  chargeId,
  amountMinor,
  period: { start: Temporal.Instant.from(start), end: Temporal.Instant.from(end) },
});

const storedPart = ({ chargeId, amountMinor, period }: PaidPart): StoredPart => ({
  chargeId,
  amountMinor,
  start: iso(period.start),
  end: iso(period.end),
});

const instant = (date: Date): Temporal.Instant => Temporal.Instant.fromEpochMilliseconds(date.getTime());
const instantOrNull = (date: Date | null): Temporal.Instant | null => date && instant(date);
const isoOrNull = (at: Temporal.Instant | null | undefined): string | null => (at ? iso(at) : null);

const periodOrNull = (start: Date | null, end: Date | null): Period | null =>
  start && end && { start: instant(start), end: instant(end) };
