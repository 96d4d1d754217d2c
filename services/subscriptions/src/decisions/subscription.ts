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

/** What was agreed, copied from a version of the plan: a later change of the plan changes nothing here by itself. */
export interface Terms {
  readonly planId: string;
  readonly planName: string;
  readonly planVersion: number;
  readonly price: Money;
  readonly interval: Interval;
  readonly graceDays: number;
  readonly accessDuringGrace: boolean;
  /** How many days ahead of its end a period is announced; 0 for not at all. */
  readonly noticeDays: number;
}

/**
 * `requested`: the wallet has not answered yet. `waiting`: the balance is short, a top-up will pay it. `voiding`: we asked to
 * give it up, and the wallet has not answered yet; should the money have come first, it buys what it was asked for.
 * `returning`: given up as well, and should the money have come first, it is given back. `change_requested` and
 * `change_voiding` are the first and the third for the charge of an upgrade, which is never waited for.
 */
export type ChargeState = 'requested' | 'waiting' | 'voiding' | 'returning' | 'change_requested' | 'change_voiding';

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
  readonly askAgainAt: Temporal.Instant | null;
  /** What the balance lacked when the wallet last said so. */
  readonly shortfallMinor: number | null;
  /** The newest version of the charge the wallet has told of; 0 before its first word. */
  readonly version: number;
}

/** How much of a paid charge paid for which time: what is unused of it can be given back, or set off against an upgrade. */
export interface PaidPart {
  readonly chargeId: string;
  readonly amountMinor: number;
  readonly period: Period;
}

export interface Subscription {
  readonly id: string;
  readonly userId: string;
  readonly terms: Terms;
  /** IANA time zone of the customer, in which periods and days of grace are counted. */
  readonly timeZone: string;
  readonly status: SubscriptionStatus;
  /** Where period 0 starts. It moves when a period starts at its payment, or ends elsewhere than the calendar says. */
  readonly anchor: Temporal.Instant;
  /** The number of `currentPeriod`; -1 where that ends at the anchor: in a trial, after a pause or an extension. */
  readonly periodNumber: number;
  /** What is paid for, or the trial; null before either. While it is paused, as it was when the pause began. */
  readonly currentPeriod: Period | null;
  /** Is `currentPeriod` the free one before the first charge? */
  readonly isTrial: boolean;
  /** What `currentPeriod` was paid with. */
  readonly paidParts: readonly PaidPart[];
  readonly charge: PendingCharge | null;
  /** Other terms: of the upgrade whose charge is on its way, or else from the end of the period on. */
  readonly change: Terms | null;
  readonly cancelAt: Temporal.Instant | null;
  readonly pausedAt: Temporal.Instant | null;
  /** Until when a payment is waited for, from the wallet's first word that the balance is short. */
  readonly graceEndsAt: Temporal.Instant | null;
  /** Notices up to this moment have been given, or are not wanted any more. */
  readonly noticedAt: Temporal.Instant | null;
  /** Grows by one with every move. */
  readonly version: number;
  readonly createdAt: Temporal.Instant;
}

/** Number of `currentPeriod` where it ends at the anchor. */
export const BEFORE_ANCHOR = -1;

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
