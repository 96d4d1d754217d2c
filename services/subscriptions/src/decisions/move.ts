import type { SubscriptionStatus } from '@evergreen/contracts/http/subscriptions.ts';
import type { Notice } from './notices.ts';
import type { Period, Subscription } from './subscription.ts';
import type { TriggerName } from './triggers.ts';

/** The events a move is told by, by name. */
export type Saying =
  | 'SubscriptionRequested'
  | 'RenewalDue'
  | 'PlanChangeDue'
  | 'ChargeVoidRequested'
  | 'RefundDue'
  | 'SubscriptionActivated'
  | 'SubscriptionRenewed'
  | 'SubscriptionPendingRenewal'
  | 'SubscriptionExpiring'
  | 'SubscriptionCanceled'
  | 'SubscriptionResumed'
  | 'SubscriptionPaused'
  | 'SubscriptionPlanChanged'
  | 'SubscriptionExtended'
  | 'SubscriptionExpired';

/** Why something moved: the event, request or schedule it came from, and the correlation id of what began it all. */
export interface Cause {
  readonly type: string;
  readonly id: string;
  readonly correlationId: string;
  /** Who asked for it, if somebody did. */
  readonly actor?: { readonly id: string; readonly role: 'customer' | 'operator' };
  /** Why, in an operator's own words. */
  readonly note?: string;
}

/** What became of a charge that was paid: it bought a period, or an upgrade for a period, or nothing and is given back. */
export interface PaidCharge {
  readonly chargeId: string;
  readonly amountMinor: number;
  readonly bought: 'period' | 'upgrade' | 'nothing';
  /** Null when it bought nothing. */
  readonly period: Period | null;
}

/** Money of a paid charge that goes back to the balance. */
export interface Refund {
  /** Follows from the charge and the move. */
  readonly id: string;
  readonly chargeId: string;
  /** Minor units, above zero. */
  readonly amountMinor: number;
  readonly reason: string;
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
  readonly paid: PaidCharge | null;
  readonly refunds: readonly Refund[];
  readonly notice: Notice | null;
  /** Periods that had passed unused when the next one was asked for. */
  readonly skippedPeriods: number;
  /** By how much monthly recurring revenue changes, in minor units. */
  readonly mrrChangeMinor: number;
}

export type CausedMove = Move & { readonly cause: Cause };
