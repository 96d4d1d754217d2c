/**
 * What may be debited and credited: pure decisions over the accounts in hand. The store locks those accounts first and
 * writes down what is decided here in the same transaction, so this is the one place that debits.
 */
import type { Charge } from '@evergreen/contracts/charge.ts';
import { MAX_AMOUNT_MINOR } from '@evergreen/contracts/money.ts';
import {
  type Account,
  type Cause,
  type ChargeState,
  type Command,
  type Entry,
  type Fact,
  type IfShort,
  type LedgerState,
  type Postings,
  type Refund,
  Refused,
} from './accounts.ts';
import { type Book, openBook } from './book.ts';

/**
 * Carries out commands in order. A charge is paid if the balance covers it; else it waits, or is voided if it was asked for at once or
 * not at all. Whatever raises a balance settles the waiting charges of its account at once, oldest first, as many as the balance
 * covers: one that is too large is passed over, so it never holds up a smaller one. A charge that was seen before is not carried
 * out again; what became of it is said again.
 * @throws Refused when a debit is not covered, or more is to be given back than was paid
 * @throws RangeError when a command's account is not in the state, which is an error of the store
 */
export function post(state: LedgerState, commands: readonly Command[]): Postings {
  const book = openBook(state);
  for (const command of commands) carryOut(book, command);
  return book.close();
}

function carryOut(book: Book, command: Command): void {
  switch (command.type) {
    case 'top_up':
      topUp(book, command.entry);
      break;
    case 'adjust_up':
    case 'adjust_down':
      adjust(book, command.entry, command.type === 'adjust_up' ? 1 : -1);
      break;
    case 'charge':
      charge(book, command.charge, command.ifShort, command.cause);
      break;
    case 'void':
      giveUp(book, command.charge, command.cause);
      break;
    case 'refund':
      giveBack(book, command.refund);
      break;
    default:
      command satisfies never;
  }
}

function topUp(book: Book, entry: Entry): void {
  const account = book.account(entry.userId, entry.currency);
  book.credit(account, { ...entry, kind: 'top_up', from: 'clearing' });
  book.say({ type: 'topped_up', entry, balanceAfter: account.balance });
  settleWaiting(book, account, entry);
}

function adjust(book: Book, entry: Entry, sign: 1 | -1): void {
  const account = book.account(entry.userId, entry.currency);
  if (sign > 0) book.credit(account, { ...entry, kind: 'adjustment', from: 'adjustments' });
  else book.debit(account, { ...entry, kind: 'adjustment', to: 'adjustments' });
  book.say({ type: 'adjusted', entry, change: sign * entry.amount, balanceAfter: account.balance });
  settleWaiting(book, account, entry);
}

function charge(book: Book, asked: Charge, ifShort: IfShort, cause: Cause): void {
  const account = book.account(asked.userId, asked.currency);
  const seen = book.charge(asked.id);
  if (seen) {
    book.say(stateOf(seen, account, cause));
    return;
  }
  const waiting: ChargeState = {
    ...asked,
    status: 'awaiting_funds',
    refundedAmount: 0,
    version: 1,
    settledAt: null,
    correlationId: cause.correlationId,
  };
  const shortfall = asked.amount - account.balance;
  if (shortfall <= 0) {
    pay(book, waiting, account, asked.businessTime, cause);
    return;
  }
  // Voided from the start: a credit later in the same batch finds nothing that waits.
  const short: ChargeState =
    ifShort === 'wait' ? waiting : { ...waiting, status: 'voided', settledAt: asked.businessTime };
  book.say({ type: 'short', charge: book.put(short), shortfall, cause });
}

function pay(book: Book, waiting: ChargeState, account: Account, notBefore: string, cause: Cause): void {
  const businessTime = later(waiting.businessTime, notBefore);
  const { id: reference, amount, description } = waiting;
  book.debit(account, { reference, amount, description, businessTime, cause, kind: 'charge', to: 'revenue' });
  const paid = book.put({ ...waiting, status: 'paid', settledAt: businessTime, version: waiting.version + 1 });
  book.say({ type: 'paid', charge: paid, balanceAfter: account.balance, cause });
}

function settleWaiting(
  book: Book,
  account: Account,
  { businessTime, cause }: Pick<Entry, 'businessTime' | 'cause'>,
): void {
  for (const waiting of book.waitingOn(account)) {
    if (waiting.amount <= account.balance) pay(book, waiting, account, businessTime, cause);
  }
}

function giveUp(book: Book, asked: Charge, cause: Cause): void {
  const account = book.account(asked.userId, asked.currency);
  const seen = book.charge(asked.id);
  if (seen && seen.status !== 'awaiting_funds') {
    book.say(stateOf(seen, account, cause));
    return;
  }
  // A void can overtake the event that asks for the charge. The voided charge it leaves stops that event when it comes.
  const known = seen ?? { ...asked, version: 0, refundedAmount: 0, correlationId: cause.correlationId };
  const voided = book.put({
    ...known,
    status: 'voided',
    settledAt: asked.businessTime,
    version: known.version + 1,
  });
  book.say({ type: 'voided', charge: voided, cause });
}

function giveBack(book: Book, refund: Refund): void {
  const { id: reference, userId, currency, amount, businessTime, cause } = refund;
  const account = book.account(userId, currency);
  const paid = book.charge(refund.chargeId);
  const left = paid?.status === 'paid' ? paid.amount - paid.refundedAmount : 0;
  if (!paid || amount > left) throw new Refused('refund_not_possible', `Of this charge ${left} can be given back`);
  const entry = { reference, amount, businessTime, cause };
  const credit = () =>
    book.credit(account, { ...entry, kind: 'refund', from: 'revenue', description: `Refund: ${refund.reason}` });
  const payOut = () =>
    book.debit(account, { ...entry, kind: 'payout', to: 'clearing', description: 'Refund to the payment method' });
  if (refund.to === 'balance') {
    credit();
  } else if (account.balance + amount <= MAX_AMOUNT_MINOR) {
    credit();
    payOut();
  } else {
    // A balance this full has no room to pass the money through, and covers it.
    payOut();
    credit();
  }
  const charge = book.put({
    ...paid,
    refundedAmount: paid.refundedAmount + amount,
    status: amount === left ? 'refunded' : 'paid',
    version: paid.version + 1,
  });
  book.say({ type: 'refunded', charge, refund, balanceAfter: account.balance });
  settleWaiting(book, account, refund);
}

/** What there is to say of a charge as it stands. */
function stateOf(charge: ChargeState, account: Account, cause: Cause): Fact {
  switch (charge.status) {
    case 'paid':
    case 'refunded':
      return { type: 'paid', charge, balanceAfter: account.balance, cause };
    case 'voided':
      return { type: 'voided', charge, cause };
    case 'awaiting_funds':
      // A charge that fits by now is settled by the next credit; until then it lacks at least one unit.
      return { type: 'short', charge, shortfall: Math.max(1, charge.amount - account.balance), cause };
  }
}

const later = (one: string, other: string): string => (one > other ? one : other);
