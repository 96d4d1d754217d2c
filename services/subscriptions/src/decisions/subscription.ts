import type { Interval, SubscriptionStatus } from '@evergreen/contracts/http/subscriptions.ts';
import type { Money } from '@evergreen/contracts/money.ts';

/** Half-open: `start` is inside, `end` is the start of what follows. */
export interface Period {
  readonly start: Temporal.Instant;
  readonly end: Temporal.Instant;
}

/** A period and its number, counted from the anchor. */
export interface NumberedPeriod {
  readonly number: number;
  readonly period: Period;
}

/** What was agreed at subscribe, copied from the plan: a later change of the plan changes nothing here by itself. */
export interface Terms {
  readonly planId: string;
  readonly planName: string;
  readonly price: Money;
  readonly interval: Interval;
  readonly graceDays: number;
  readonly accessDuringGrace: boolean;
}

/**
 * `requested`: the wallet has not answered yet. `waiting`: the balance is short, a top-up will pay it. `voiding`: we asked to
 * give it up, and the wallet has not answered yet; the money may still have come first.
 */
export type ChargeState = 'requested' | 'waiting' | 'voiding';

/** The one charge a subscription waits for. It is gone from here once it is paid or voided. */
export interface PendingCharge {
  /** Follows from the subscription and `period.start`, so it can be asked for any number of times. */
  readonly id: string;
  readonly state: ChargeState;
  readonly amountMinor: number;
  /** The period that was asked for. What is granted for it may start later, when it is paid late. */
  readonly period: Period;
  readonly periodNumber: number;
  /** When the wallet was first asked for what it is asked now: to debit the charge, or to give it up. */
  readonly askedAt: Temporal.Instant;
  /** When the same is asked again if there is no answer; null while the wallet has answered and waits for funds. */
  readonly remindAt: Temporal.Instant | null;
  /** What the balance lacked when the wallet last said so. */
  readonly shortfallMinor: number | null;
  /** The newest version of the charge the wallet has told of; 0 before its first word. */
  readonly version: number;
}

export interface Subscription {
  readonly id: string;
  readonly userId: string;
  readonly terms: Terms;
  /** IANA time zone of the customer, in which periods and days of grace are counted. */
  readonly timeZone: string;
  readonly status: SubscriptionStatus;
  /** Where period 0 starts. It moves when a period starts at its payment and not where the last one ended. */
  readonly anchor: Temporal.Instant;
  /** The number of `currentPeriod`; before the first paid period, in a trial too, it is -1. */
  readonly periodNumber: number;
  /** What is paid for, or the trial; null before either. */
  readonly currentPeriod: Period | null;
  readonly charge: PendingCharge | null;
  readonly cancelAt: Temporal.Instant | null;
  /** Until when a payment is waited for, from the wallet's first word that the balance is short. */
  readonly graceEndsAt: Temporal.Instant | null;
  /** Grows by one with every move. */
  readonly version: number;
  readonly createdAt: Temporal.Instant;
}

/** Number of `currentPeriod` while no period was paid. */
export const NO_PAID_PERIOD = -1;

/** Is `currentPeriod` the free one before the first charge? */
export const isInTrial = ({ currentPeriod, periodNumber }: Subscription): boolean =>
  currentPeriod !== null && periodNumber === NO_PAID_PERIOD;

/** @throws Error when there is none, which the lifecycle rules out wherever this is asked */
export function pendingCharge({ id, status, charge }: Subscription): PendingCharge {
  if (!charge) throw new Error(`subscription ${id} is ${status} and has no pending charge`);
  return charge;
}

/** @throws Error when there is none, which the lifecycle rules out wherever this is asked */
export function periodInUse({ id, status, currentPeriod }: Subscription): Period {
  if (!currentPeriod) throw new Error(`subscription ${id} is ${status} and has no period`);
  return currentPeriod;
}
