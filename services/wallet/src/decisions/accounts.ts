/** The words of the ledger: accounts, charges, transfers, and what can be asked of it and told by it. */
import type { Charge } from '@evergreen/contracts/charge.ts';
import type { Currency } from '@evergreen/contracts/money.ts';
import { v5 as uuidv5 } from 'uuid';

const ACCOUNT_NAMESPACE = 'b0f6d5c2-2a1c-5f0e-9d57-6f1c7a4be101';

/** One balance per user and currency, so the account's id follows from both and never has to be looked up. */
export const userAccountId = (userId: string, currency: Currency): string =>
  uuidv5(`user:${userId}:${currency}`, ACCOUNT_NAMESPACE);

/**
 * `clearing` is money at the payment gateway, `revenue` what subscriptions have earned, `adjustments` what operators gave or
 * took, `promotions` what was given away.
 */
export const PLATFORM_ACCOUNTS = ['clearing', 'revenue', 'adjustments', 'promotions'] as const;
export type PlatformAccount = (typeof PLATFORM_ACCOUNTS)[number];

export const platformAccountId = (kind: PlatformAccount, currency: Currency): string =>
  uuidv5(`${kind}:${currency}`, ACCOUNT_NAMESPACE);

/** Who asked, for the audit log: the request that began it, and the event that led here. */
export interface Cause {
  /** The event's type, or the request: `POST /v1/wallet/top-ups`. */
  type: string;
  correlationId: string;
  causationId: string | null;
  /** The operator who asked, if one did. */
  actorId?: string;
}

export interface ChargeState extends Charge {
  status: 'awaiting_funds' | 'paid' | 'voided' | 'refunded';
  /** What was given back so far; all of it when `refunded`. */
  refundedAmount: number;
  /** Grows with every change, so that consumers can tell an old fact from a new one. */
  version: number;
  settledAt: string | null;
  correlationId: string;
}

export interface Account {
  id: string;
  userId: string;
  currency: Currency;
  balance: number;
}

/** `payout` is the second half of a refund to the payment method: out of the balance again, to the gateway. */
export type TransferKind = 'top_up' | 'charge' | 'refund' | 'payout' | 'adjustment';

export interface Transfer {
  kind: TransferKind;
  reference: string;
  debitAccountId: string;
  creditAccountId: string;
  accountId: string;
  currency: Currency;
  amount: number;
  balanceAfter: number;
  description: string;
  businessTime: string;
  cause: Cause;
}

/** The accounts a batch touches, all locked, with every charge that waits on them or is named by the batch. */
export interface LedgerState {
  accounts: readonly Account[];
  /** In the order they were asked for, oldest first. */
  charges: readonly ChargeState[];
}

/** Money for or from a user's balance that is not a charge: a captured top-up, or an operator's adjustment. */
export interface Entry {
  reference: string;
  userId: string;
  currency: Currency;
  /** Above zero. */
  amount: number;
  description: string;
  businessTime: string;
  cause: Cause;
}

export interface Refund {
  id: string;
  chargeId: string;
  userId: string;
  currency: Currency;
  amount: number;
  to: 'balance' | 'payment_method';
  reason: string;
  businessTime: string;
  cause: Cause;
}

/** What becomes of a charge that the balance does not cover when it is asked for. */
export type IfShort =
  /** It waits: the first credit that covers it pays it. */
  | 'wait'
  /** It is voided in the same moment, so that no credit ever pays it. */
  | 'void';

export type Command =
  | { type: 'top_up'; entry: Entry }
  | { type: 'adjust_up'; entry: Entry }
  | { type: 'adjust_down'; entry: Entry }
  | { type: 'charge'; charge: Charge; ifShort: IfShort; cause: Cause }
  | { type: 'void'; charge: Charge; cause: Cause }
  | { type: 'refund'; refund: Refund };

/** What is now true and worth telling, in the order it happened. */
export type Fact =
  | { type: 'topped_up'; entry: Entry; balanceAfter: number }
  | { type: 'adjusted'; entry: Entry; change: number; balanceAfter: number }
  | { type: 'paid'; charge: ChargeState; balanceAfter: number; cause: Cause }
  /** The balance does not cover the charge, which now waits, or is voided. */
  | { type: 'short'; charge: ChargeState; shortfall: number; cause: Cause }
  | { type: 'voided'; charge: ChargeState; cause: Cause }
  | { type: 'refunded'; charge: ChargeState; refund: Refund; balanceAfter: number };

/** A command that cannot be carried out as things stand. Nothing of its batch happens. */
export class Refused extends Error {
  readonly code: 'insufficient_funds' | 'refund_not_possible';
  constructor(code: Refused['code'], message: string) {
    super(message);
    this.code = code;
  }
}

export interface Postings {
  /** Accounts whose balance changed. */
  accounts: Account[];
  /** Charges that are new or changed. */
  charges: ChargeState[];
  transfers: Transfer[];
  facts: Fact[];
}
