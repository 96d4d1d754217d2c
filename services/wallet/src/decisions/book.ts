import type { Currency } from '@evergreen/contracts/money.ts';
import {
  type Account,
  type ChargeState,
  type Entry,
  type Fact,
  type LedgerState,
  type PlatformAccount,
  type Postings,
  platformAccountId,
  Refused,
  type Transfer,
  type TransferKind,
  userAccountId,
} from './accounts.ts';

type Movement = Pick<Entry, 'reference' | 'amount' | 'description' | 'businessTime' | 'cause'> & { kind: TransferKind };

/**
 * The accounts in hand while a batch is carried out: a copy of the state that remembers what changes. A balance can only
 * change through `credit` and `debit`, each of which is one transfer, so the sum of transfers is the balance.
 */
export interface Book {
  /** @throws RangeError when the store has not locked it */
  account(userId: string, currency: Currency): Account;
  charge(id: string): ChargeState | undefined;
  /** Oldest first, as they are now. */
  waitingOn(account: Account): ChargeState[];
  /** Keeps a charge that is new or changed. */
  put(charge: ChargeState): ChargeState;
  credit(account: Account, movement: Movement & { from: PlatformAccount }): void;
  /** @throws Refused insufficient_funds when the balance does not cover it */
  debit(account: Account, movement: Movement & { to: PlatformAccount }): void;
  say(fact: Fact): void;
  close(): Postings;
}

export function openBook(state: LedgerState): Book {
  const accounts = new Map(state.accounts.map((account) => [account.id, { ...account }]));
  const charges = new Map(state.charges.map((charge) => [charge.id, charge]));
  const changedAccounts = new Set<string>();
  const changedCharges = new Set<string>();
  const transfers: Transfer[] = [];
  const facts: Fact[] = [];

  const move = (
    account: Account,
    { kind, reference, amount, description, businessTime, cause }: Movement,
    sides: Sides,
  ) => {
    changedAccounts.add(account.id);
    transfers.push({
      kind,
      reference,
      ...sides,
      accountId: account.id,
      currency: account.currency,
      amount,
      balanceAfter: account.balance,
      description,
      businessTime,
      cause,
    });
  };

  return {
    account(userId, currency) {
      const account = accounts.get(userAccountId(userId, currency));
      if (!account) throw new RangeError(`account of ${userId} in ${currency} is not locked`);
      return account;
    },
    charge: (id) => charges.get(id),
    waitingOn: ({ id }) =>
      [...charges.values()].filter(
        (charge) => charge.status === 'awaiting_funds' && userAccountId(charge.userId, charge.currency) === id,
      ),
    put(charge) {
      charges.set(charge.id, charge);
      changedCharges.add(charge.id);
      return charge;
    },
    credit(account, movement) {
      account.balance += movement.amount;
      const debitAccountId = platformAccountId(movement.from, account.currency);
      move(account, movement, { debitAccountId, creditAccountId: account.id });
    },
    debit(account, movement) {
      if (movement.amount > account.balance) {
        throw new Refused(
          'insufficient_funds',
          `The balance is ${account.balance}, and ${movement.amount} were to be taken`,
        );
      }
      account.balance -= movement.amount;
      const creditAccountId = platformAccountId(movement.to, account.currency);
      move(account, movement, { debitAccountId: account.id, creditAccountId });
    },
    say: (fact) => void facts.push(fact),
    close: () => ({
      accounts: [...accounts.values()].filter(({ id }) => changedAccounts.has(id)),
      charges: [...charges.values()].filter(({ id }) => changedCharges.has(id)),
      transfers,
      facts,
    }),
  };
}

type Sides = Pick<Transfer, 'debitAccountId' | 'creditAccountId'>;
