import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Command, type LedgerState, Refused } from '../src/decisions/accounts.ts';
import { post } from '../src/decisions/ledger.ts';
import {
  ADA,
  adjusts,
  asks,
  asksAtOnce,
  BOB,
  given,
  LATER,
  NOW,
  refunds,
  summary,
  topsUp,
  uuid,
  voids,
} from './ledger-commands.ts';

describe('a charge', () => {
  test('is paid when the balance covers it, and the balance falls by it', () => {
    const postings = post(given({ [ADA]: 1_000 }), [asks(1, 999)]);
    expect(summary(postings)).toEqual(['paid']);
    expect(postings.accounts).toMatchObject([{ balance: 1 }]);
    expect(postings.transfers).toMatchObject([{ kind: 'charge', reference: uuid(1), amount: 999, balanceAfter: 1 }]);
  });

  test('waits when the balance is one unit short, and nothing moves', () => {
    const postings = post(given({ [ADA]: 998 }), [asks(1, 999)]);
    expect(postings.facts).toMatchObject([{ type: 'short', shortfall: 1 }]);
    expect(postings.transfers).toEqual([]);
    expect(postings.charges).toMatchObject([{ status: 'awaiting_funds', version: 1 }]);
  });

  test('asked for twice, in one batch or later, is debited once and said twice', () => {
    const twice = post(given({ [ADA]: 5_000 }), [asks(1, 999), asks(1, 999)]);
    expect(summary(twice)).toEqual(['paid', 'paid']);
    expect(twice.transfers).toHaveLength(1);
    const again = post(given({ [ADA]: 4_001 }, twice.charges), [asks(1, 999)]);
    expect(summary(again)).toEqual(['paid']);
    expect(again.transfers).toEqual([]);
    expect(again.charges).toEqual([]);
  });

  test('of one user never touches the balance of another', () => {
    const postings = post(given({ [ADA]: 0, [BOB]: 5_000 }), [asks(1, 999, ADA)]);
    expect(summary(postings)).toEqual(['short']);
    expect(postings.accounts).toEqual([]);
  });
});

describe('a charge that does not wait', () => {
  test('is paid like any other when the balance covers it', () => {
    const postings = post(given({ [ADA]: 999 }), [asksAtOnce(1, 999)]);
    expect(postings.facts).toMatchObject([{ type: 'paid', charge: { status: 'paid', version: 2 } }]);
    expect(postings.accounts).toMatchObject([{ balance: 0 }]);
  });

  test('is voided when the balance is one unit short, and a credit right behind it does not pay it', () => {
    const postings = post(given({ [ADA]: 998 }), [asksAtOnce(1, 999), topsUp(9, 5_000)]);
    expect(postings.facts).toMatchObject([
      { type: 'short', shortfall: 1, charge: { status: 'voided', settledAt: NOW, version: 1 } },
      { type: 'topped_up', balanceAfter: 5_998 },
    ]);
    expect(postings.charges).toMatchObject([{ id: uuid(1), status: 'voided' }]);
    expect(postings.transfers.map(({ kind }) => kind)).toEqual(['top_up']);
  });

  test('says what became of it when it is asked for again, in the same batch or later, and stays as it is', () => {
    const short = post(given({ [ADA]: 0 }), [asksAtOnce(1, 999), topsUp(9, 5_000), asksAtOnce(1, 999)]);
    expect(summary(short)).toEqual(['short', 'topped_up', 'voided']);
    expect(summary(post(given({ [ADA]: 5_000 }, short.charges), [asksAtOnce(1, 999), voids(1, 999)]))).toEqual([
      'voided',
      'voided',
    ]);
    const paid = post(given({ [ADA]: 999 }), [asksAtOnce(1, 999)]);
    expect(summary(post(given({ [ADA]: 0 }, paid.charges), [asksAtOnce(1, 999)]))).toEqual(['paid']);
  });

  test('stays voided when its void came first, however much there is', () => {
    const postings = post(given({ [ADA]: 5_000 }), [voids(1, 600), asksAtOnce(1, 600)]);
    expect(summary(postings)).toEqual(['voided', 'voided']);
    expect(postings.transfers).toEqual([]);
  });

  test('neither pays nor ends those that wait', () => {
    const { charges } = post(given({ [ADA]: 0 }), [asks(1, 900)]);
    const postings = post(given({ [ADA]: 500 }, charges), [asksAtOnce(2, 600), asksAtOnce(3, 500)]);
    expect(summary(postings)).toEqual(['short', 'paid']);
    expect(postings.charges.map(({ id, status }) => [id, status])).toEqual([
      [uuid(2), 'voided'],
      [uuid(3), 'paid'],
    ]);
  });
});

describe('a credit', () => {
  test('settles waiting charges in the same breath, oldest first, as many as it covers', () => {
    const { charges } = post(given({ [ADA]: 0 }), [asks(1, 600), asks(2, 500), asks(3, 300)]);
    const postings = post(given({ [ADA]: 0 }, charges), [topsUp(9, 1_000)]);
    expect(postings.facts.map((fact) => [fact.type, 'charge' in fact && fact.charge.id])).toEqual([
      ['topped_up', false],
      ['paid', uuid(1)],
      ['paid', uuid(3)],
    ]);
    expect(postings.accounts).toMatchObject([{ balance: 100 }]);
  });

  test('pays as of the time the money came, not of the time the charge was asked for', () => {
    const { charges } = post(given({ [ADA]: 0 }), [asks(1, 600)]);
    const postings = post(given({ [ADA]: 0 }, charges), [topsUp(9, 600)]);
    expect(postings.charges).toMatchObject([{ status: 'paid', settledAt: LATER, version: 2 }]);
  });
});

describe('a void', () => {
  test('ends a waiting charge: no later credit pays it', () => {
    const { charges } = post(given({ [ADA]: 0 }), [asks(1, 600)]);
    const postings = post(given({ [ADA]: 0 }, charges), [voids(1, 600), topsUp(9, 5_000)]);
    expect(summary(postings)).toEqual(['voided', 'topped_up']);
    expect(postings.accounts).toMatchObject([{ balance: 5_000 }]);
  });

  test('of a paid charge changes nothing and says that it is paid', () => {
    const { charges } = post(given({ [ADA]: 600 }), [asks(1, 600)]);
    const postings = post(given({ [ADA]: 0 }, charges), [voids(1, 600)]);
    expect(summary(postings)).toEqual(['paid']);
    expect(postings.charges).toEqual([]);
  });

  test('that overtakes its due event leaves a voided charge, which the due event cannot pay', () => {
    const postings = post(given({ [ADA]: 5_000 }), [voids(1, 600), asks(1, 600)]);
    expect(summary(postings)).toEqual(['voided', 'voided']);
    expect(postings.transfers).toEqual([]);
  });
});

describe('a refund', () => {
  const paid = () => post(given({ [ADA]: 600 }), [asks(1, 600)]).charges;

  test('in parts comes back to the balance, until all of the charge is given back', () => {
    const first = post(given({ [ADA]: 0 }, paid()), [refunds(20, { of: 1, amount: 250 })]);
    expect(first.charges).toMatchObject([{ status: 'paid', refundedAmount: 250 }]);
    expect(first.accounts).toMatchObject([{ balance: 250 }]);
    const second = post(given({ [ADA]: 250 }, first.charges), [refunds(21, { of: 1, amount: 350 })]);
    expect(second.charges).toMatchObject([{ status: 'refunded', refundedAmount: 600 }]);
    expect(second.facts).toMatchObject([{ type: 'refunded', balanceAfter: 600 }]);
  });

  test('of more than was paid, or of what was not paid, is refused, and nothing of its batch happens', () => {
    expect(() => post(given({ [ADA]: 0 }, paid()), [refunds(20, { of: 1, amount: 601 })])).toThrow(Refused);
    expect(() => post(given({ [ADA]: 0 }, paid()), [refunds(20, { of: 2, amount: 1 })])).toThrow(Refused);
    const twice = [refunds(20, { of: 1, amount: 400 }), refunds(21, { of: 1, amount: 400 })];
    expect(() => post(given({ [ADA]: 0 }, paid()), twice)).toThrow('200 can be given back');
  });

  test('to the payment method passes through the balance and leaves it as it was', () => {
    const postings = post(given({ [ADA]: 0 }, paid()), [refunds(20, { of: 1, amount: 600, to: 'payment_method' })]);
    expect(postings.transfers.map(({ kind, amount, balanceAfter }) => [kind, amount, balanceAfter])).toEqual([
      ['refund', 600, 600],
      ['payout', 600, 0],
    ]);
  });

  test('to the payment method keeps a balance that has no room for it exact', () => {
    const full = Number.MAX_SAFE_INTEGER;
    const postings = post(given({ [ADA]: full }, paid()), [refunds(20, { of: 1, amount: 600, to: 'payment_method' })]);
    expect(postings.accounts).toMatchObject([{ balance: full }]);
    expect(postings.transfers.map(({ balanceAfter }) => balanceAfter)).toEqual([full - 600, full]);
  });

  test('settles a waiting charge, as any credit does', () => {
    const { charges } = post(given({ [ADA]: 0 }, paid()), [asks(2, 500)]);
    const postings = post(given({ [ADA]: 0 }, [...paid(), ...charges]), [refunds(20, { of: 1, amount: 600 })]);
    expect(summary(postings)).toEqual(['refunded', 'paid']);
    expect(postings.accounts).toMatchObject([{ balance: 100 }]);
  });
});

describe('an adjustment', () => {
  test('up settles a waiting charge; down never takes more than there is', () => {
    const { charges } = post(given({ [ADA]: 0 }), [asks(1, 600)]);
    expect(summary(post(given({ [ADA]: 0 }, charges), [adjusts(20, 600)]))).toEqual(['adjusted', 'paid']);
    expect(post(given({ [ADA]: 600 }), [adjusts(20, -600)]).accounts).toMatchObject([{ balance: 0 }]);
    expect(() => post(given({ [ADA]: 600 }), [adjusts(20, -601)])).toThrow(Refused);
  });
});

const NOTHING: ReturnType<typeof post> = { accounts: [], charges: [], transfers: [], facts: [] };

/** A batch that is refused changes nothing: its transaction is rolled back. */
function postOrRefuse(state: LedgerState, batch: Command[]): ReturnType<typeof post> {
  try {
    return post(state, batch);
  } catch (error) {
    if (error instanceof Refused) return NOTHING;
    throw error;
  }
}

test('whatever comes in whatever order: money adds up, no balance below zero, one debit a charge', () => {
  const user = fc.constantFrom(ADA, BOB);
  const destination = fc.constantFrom('balance' as const, 'payment_method' as const);
  const unique = fc.integer({ min: 100, max: 0xffffffff });
  const command = fc.oneof(
    // Few charge ids, so that they often come twice; the amount follows from the id, as in life.
    fc
      .record({ n: fc.integer({ min: 1, max: 12 }), user })
      .map(({ n, user }) => (n % 3 === 0 ? asksAtOnce : asks)(n * 2 + Number(user === BOB), n * 37, user)),
    fc
      .record({ n: fc.integer({ min: 1, max: 12 }), user })
      .map(({ n, user }) => voids(n * 2 + Number(user === BOB), n * 37, user)),
    fc
      .record({
        n: fc.integer({ min: 1, max: 12 }),
        amount: fc.integer({ min: 1, max: 300 }),
        user,
        to: destination,
        unique,
      })
      .map(({ n, amount, user, to, unique }) =>
        refunds(unique, { of: n * 2 + Number(user === BOB), amount, to, userId: user }),
      ),
    fc
      .record({ change: fc.integer({ min: -200, max: 200 }).filter((change) => change !== 0), user, unique })
      .map(({ change, user, unique }) => adjusts(unique, change, user)),
    fc
      .record({ amount: fc.integer({ min: 1, max: 400 }), user, unique })
      .map(({ amount, user, unique }) => topsUp(unique, amount, user)),
  );
  fc.assert(
    fc.property(fc.array(fc.array(command, { maxLength: 8 }), { maxLength: 8 }), (batches) => {
      const all = batches.flat().flatMap((one) => (one.type === 'refund' ? [one.refund] : []));
      const refundOf = new Map(all.map(({ id, chargeId }) => [id, chargeId]));
      let state = given({ [ADA]: 0, [BOB]: 0 });
      const transfers = [];
      for (const batch of batches) {
        const postings = postOrRefuse(state, batch);
        transfers.push(...postings.transfers);
        const accounts = new Map([...state.accounts, ...postings.accounts].map((account) => [account.id, account]));
        const charges = new Map([...state.charges, ...postings.charges].map((one) => [one.id, one]));
        state = { accounts: [...accounts.values()], charges: [...charges.values()] };
      }
      for (const { id, balance } of state.accounts) {
        const sum = transfers.reduce(
          (total, one) =>
            total + (one.creditAccountId === id ? one.amount : 0) - (one.debitAccountId === id ? one.amount : 0),
          0,
        );
        expect(balance).toBe(sum);
        expect(balance).toBeGreaterThanOrEqual(0);
      }
      // Every third amount is that of one that does not wait.
      const atOnce = state.charges.filter(({ amount }) => (amount / 37) % 3 === 0);
      expect(atOnce.filter(({ status }) => status === 'awaiting_funds')).toEqual([]);
      const debited = transfers.filter(({ kind }) => kind === 'charge').map(({ reference }) => reference);
      expect(new Set(debited).size).toBe(debited.length);
      expect(
        state.charges
          .filter(({ status }) => status === 'paid' || status === 'refunded')
          .map(({ id }) => id)
          .sort(),
      ).toEqual(debited.sort());
      for (const { id, amount, refundedAmount } of state.charges) {
        const back = transfers.filter(({ kind, reference }) => kind === 'refund' && refundOf.get(reference) === id);
        expect(back.reduce((sum, one) => sum + one.amount, 0)).toBe(refundedAmount);
        expect(refundedAmount).toBeLessThanOrEqual(amount);
      }
    }),
    { numRuns: 500 },
  );
});
