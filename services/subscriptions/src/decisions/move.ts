import type { SubscriptionStatus } from '@evergreen/contracts/http/subscriptions.ts';
import type { Period, Subscription } from './subscription.ts';
import type { TriggerName } from './triggers.ts';

/** The events a move is told by, by name. */
export type Saying =
  | 'SubscriptionRequested'
  | 'RenewalDue'
  | 'ChargeVoidRequested'
  | 'SubscriptionActivated'
  | 'SubscriptionRenewed'
  | 'SubscriptionPendingRenewal'
  | 'SubscriptionCanceled'
  | 'SubscriptionResumed'
  | 'SubscriptionExpired';

/** Why something moved: the event, request or schedule it came from, and the correlation id of what began it all. */
export interface Cause {
  readonly type: string;
  readonly id: string;
  readonly correlationId: string;
}

/** What a charge has bought. */
export interface GrantedPeriod {
  readonly chargeId: string;
  readonly amountMinor: number;
  readonly period: Period;
}

/** One step in the life of a subscription: a row of its timeline. */
export interface Move {
  /** Null for the first. */
  readonly from: SubscriptionStatus | null;
  readonly trigger: TriggerName | 'subscribe';
  /** Business time. */
  readonly at: Temporal.Instant;
  readonly after: Subscription;
  readonly says: readonly Saying[];
  /** The charge it is about. */
  readonly chargeId: string | null;
  readonly granted: GrantedPeriod | null;
  /** Periods that had passed unused when the next one was asked for. */
  readonly skippedPeriods: number;
}

export type CausedMove = Move & { readonly cause: Cause };
