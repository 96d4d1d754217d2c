import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decide } from '../src/decisions/lifecycle.ts';
import type { Subscription } from '../src/decisions/subscription.ts';
import { triggerOf, UnexpectedAnswer, type WalletAnswer } from '../src/decisions/wallet-answer.ts';
import { after, answer, at, on, paid, short, subscribed } from './given.ts';

const START = at('2027-01-31T08:00:00Z');
const DUE = '2027-02-28T08:00:00Z';
const none = new Set<string>();

const active = after(subscribed(), paid(String(START)));
const renewing = after(active, on('due', DUE));
const pending = after(renewing, short(DUE));

describe('an answer of the wallet', () => {
  test('moves the subscription that waits for it', () => {
    const said = answer(renewing, at(DUE), 'short', { version: 1, at: DUE });
    expect(triggerOf(said, renewing, none)).toEqual({
      name: 'short',
      at: at(DUE),
      chargeVersion: 1,
      shortfallMinor: 299,
    });
  });

  test('never comes before the question, even when the clock of the wallet is behind', () => {
    const said = answer(renewing, at(DUE), 'paid', { version: 1, at: '2027-02-27T00:00:00Z' });
    expect(String(triggerOf(said, renewing, none)?.at)).toBe(DUE);
  });

  test('that is older than one we have seen changes nothing', () => {
    const late = answer(pending, at(DUE), 'short', { version: 1, at: DUE });
    expect(triggerOf(late, pending, none)).toBeNull();
  });

  test('about a charge that has bought its period changes nothing', () => {
    const again = answer(active, START, 'paid', { version: 1, at: DUE });
    expect(triggerOf(again, active, new Set([again.chargeId]))).toBeNull();
    const lateFailure = answer(active, START, 'short', { version: 1, at: DUE });
    expect(triggerOf(lateFailure, active, new Set([again.chargeId]))).toBeNull();
  });

  test('that nothing waits for any more and no funds will come to ends the waiting', () => {
    const said = {
      ...answer(renewing, at(DUE), 'short', { version: 1, at: DUE }),
      awaitingFunds: false,
    } as WalletAnswer;
    expect(triggerOf(said, renewing, none)?.name).toBe('voided');
  });

  test.each([
    ['of a subscription we do not have', undefined, {}],
    ['of a charge we never asked for', renewing, { chargeId: '5d0c2e52-0000-5a0b-8f3e-2f6f2c7b8a41' }],
    ['of another amount', renewing, { amountMinor: 1_300 }],
    ['of another currency', renewing, { currency: 'USD' }],
  ])('%s is refused', (_name, subscription, wrong) => {
    const said = { ...answer(renewing, at(DUE), 'paid', { version: 1, at: DUE }), ...wrong };
    expect(() => triggerOf(said, subscription, none)).toThrow(UnexpectedAnswer);
  });

  test('that took money for nothing is refused, and never passed over', () => {
    const neverGranted = answer(active, at(DUE), 'paid', { version: 1, at: DUE });
    expect(() => triggerOf(neverGranted, active, none)).toThrow(/buys nothing/);
  });
});

test('whatever comes twice, late and out of order, a charge that is paid buys exactly one period', () => {
  const answers = [
    answer(renewing, at(DUE), 'short', { version: 1, at: DUE }),
    answer(renewing, at(DUE), 'paid', { version: 2, at: '2027-03-02T08:00:00Z' }),
  ];
  const deliveries = fc
    .array(fc.constantFrom(...answers), { maxLength: 6 })
    .chain((extra) => fc.shuffledSubarray([...answers, ...extra], { minLength: answers.length + extra.length }));
  fc.assert(
    fc.property(deliveries, (delivered) => {
      let subscription: Subscription = renewing;
      const granted: string[] = [];
      for (const said of delivered) {
        const trigger = triggerOf(said, subscription, new Set(granted));
        const move = trigger && decide(subscription, trigger);
        if (trigger && !move) throw new Error(`${subscription.status} refuses ${trigger.name}`);
        if (move?.granted) granted.push(move.granted.chargeId);
        if (move) subscription = move.after;
      }
      expect(granted).toEqual([answers[0]?.chargeId]);
      expect(subscription).toMatchObject({ status: 'active', charge: null });
    }),
  );
});
