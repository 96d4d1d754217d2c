/**
 * What may be debited and credited: pure decisions over the accounts in hand. The store locks those accounts first and
 * writes down what is decided here in the same transaction, so this is the one place that debits.
 */
import type { Charge } from '@evergreen/contracts/charge.ts';
import type { Currency } from '@evergreen/contracts/money.ts';
import { v5 as uuidv5 } from 'uuid';

const ACCOUNT_NAMESPACE = 'b0f6d5c2-2a1c-5f0e-9d57-6f1c7a4be101';

/** One balance per user and currency, so the account's id follows from both and never has to be looked up. */
export const userAccountId = (userId: string, currency: Currency): string =>
  uuidv5(`user:${userId}:${currency}`, ACCOUNT_NAMESPACE);

/** `clearing` is money on its way from the payment gateway, `revenue` what subscriptions have earned. */
export const platformAccountId = (kind: 'clearing' | 'revenue', currency: Currency): string =>
  uuidv5(`${kind}:${currency}`, ACCOUNT_NAMESPACE);

/** Who asked, for the audit log: the request that began it, and the event that led here. */
export interface Cause {
  correlationId: string;
  causationId: string | null;
}

export interface ChargeState extends Charge {
  status: 'awaiting_funds' | 'paid' | 'voided';
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

export interface Transfer {
  kind: 'top_up' | 'charge';
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

export interface Credit {
  kind: 'top_up';
  reference: string;
  userId: string;
  currency: Currency;
  amount: number;
  description: string;
  businessTime: string;
  cause: Cause;
}

export type Command =
  | { type: 'credit'; credit: Credit }
  | { type: 'charge'; charge: Charge; cause: Cause }
  | { type: 'void'; charge: Charge; cause: Cause };

/** What is now true and worth telling, in the order it happened. */
export type Fact =
  | { type: 'credited'; credit: Credit; balanceAfter: number }
  | { type: 'paid'; charge: ChargeState; balanceAfter: number; cause: Cause }
  | { type: 'short'; charge: ChargeState; shortfall: number; cause: Cause }
  | { type: 'voided'; charge: ChargeState; cause: Cause };

export interface Postings {
  /** Accounts whose balance changed. */
  accounts: Account[];
  /** Charges that are new or changed. */
  charges: ChargeState[];
  transfers: Transfer[];
  facts: Fact[];
}

/**
 * Carries out commands in order. A charge is paid if the balance covers it, else it waits. Every credit settles the waiting
 * charges of its account at once, oldest first, as many as the balance covers: one that is too large is passed over, so it
 * never holds up a smaller one. A charge that was seen before is not carried out again; what became of it is said again.
 * @throws RangeError when a command's account is not in the state, which is an error of the store
 */
export function post(state: LedgerState, commands: readonly Command[]): Postings {
  const accounts = new Map(state.accounts.map((account) => [account.id, { ...account }]));
  const charges = new Map(state.charges.map((charge) => [charge.id, charge]));
  const changed = { accounts: new Set<string>(), charges: new Set<string>() };
  const transfers: Transfer[] = [];
  const facts: Fact[] = [];

  const accountOf = (userId: string, currency: Currency): Account => {
    const account = accounts.get(userAccountId(userId, currency));
    if (!account) throw new RangeError(`account of ${userId} in ${currency} is not locked`);
    return account;
  };

  const put = (charge: ChargeState): ChargeState => {
    charges.set(charge.id, charge);
    changed.charges.add(charge.id);
    return charge;
  };

  const pay = (charge: ChargeState, account: Account, atLeast: string, cause: Cause): void => {
    account.balance -= charge.amount;
    changed.accounts.add(account.id);
    const businessTime = later(charge.businessTime, atLeast);
    const paid = put({ ...charge, status: 'paid', settledAt: businessTime, version: charge.version + 1 });
    transfers.push({
      kind: 'charge',
      reference: charge.id,
      debitAccountId: account.id,
      creditAccountId: platformAccountId('revenue', charge.currency),
      accountId: account.id,
      currency: charge.currency,
      amount: charge.amount,
      balanceAfter: account.balance,
      description: charge.description,
      businessTime,
      cause,
    });
    facts.push({ type: 'paid', charge: paid, balanceAfter: account.balance, cause });
  };

  const credit = ({ credit }: { credit: Credit }): void => {
    const account = accountOf(credit.userId, credit.currency);
    account.balance += credit.amount;
    changed.accounts.add(account.id);
    transfers.push({
      ...credit,
      debitAccountId: platformAccountId('clearing', credit.currency),
      creditAccountId: account.id,
      accountId: account.id,
      balanceAfter: account.balance,
    });
    facts.push({ type: 'credited', credit, balanceAfter: account.balance });
    for (const waiting of [...charges.values()]) {
      if (waiting.status !== 'awaiting_funds' || userAccountId(waiting.userId, waiting.currency) !== account.id)
        continue;
      if (waiting.amount <= account.balance) pay(waiting, account, credit.businessTime, credit.cause);
    }
  };

  const charge = ({ charge, cause }: { charge: Charge; cause: Cause }): void => {
    const account = accountOf(charge.userId, charge.currency);
    const seen = charges.get(charge.id);
    if (seen) {
      facts.push(stateOf(seen, account, cause));
      return;
    }
    const waiting: ChargeState = {
      ...charge,
      status: 'awaiting_funds',
      version: 1,
      settledAt: null,
      correlationId: cause.correlationId,
    };
    if (charge.amount <= account.balance) pay(waiting, account, charge.businessTime, cause);
    else facts.push(stateOf(put(waiting), account, cause));
  };

  const giveUp = ({ charge, cause }: { charge: Charge; cause: Cause }): void => {
    const account = accountOf(charge.userId, charge.currency);
    const seen = charges.get(charge.id);
    if (seen && seen.status !== 'awaiting_funds') {
      facts.push(stateOf(seen, account, cause));
      return;
    }
    // A void can overtake the event that asks for the charge. The voided charge it leaves stops that event when it comes.
    const known = seen ?? { ...charge, version: 0, correlationId: cause.correlationId };
    const voided = put({ ...known, status: 'voided', settledAt: charge.businessTime, version: known.version + 1 });
    facts.push({ type: 'voided', charge: voided, cause });
  };

  for (const command of commands) {
    if (command.type === 'credit') credit(command);
    else if (command.type === 'charge') charge(command);
    else giveUp(command);
  }
  return {
    accounts: [...accounts.values()].filter(({ id }) => changed.accounts.has(id)),
    charges: [...charges.values()].filter(({ id }) => changed.charges.has(id)),
    transfers,
    facts,
  };
}

/** What there is to say of a charge as it stands. */
function stateOf(charge: ChargeState, account: Account, cause: Cause): Fact {
  switch (charge.status) {
    case 'paid':
      return { type: 'paid', charge, balanceAfter: account.balance, cause };
    case 'voided':
      return { type: 'voided', charge, cause };
    case 'awaiting_funds':
      // A charge that fits by now is settled by the next credit; until then it lacks at least one unit.
      return { type: 'short', charge, shortfall: Math.max(1, charge.amount - account.balance), cause };
  }
}

const later = (one: string, other: string): string => (one > other ? one : other);
