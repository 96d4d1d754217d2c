import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decide } from '../src/decisions/decide.ts';
import type { Subscription } from '../src/decisions/subscription.ts';
import { triggerOf, UnexpectedAnswer, type WalletAnswer } from '../src/decisions/wallet-answer.ts';
import { after, answer, at, on, paid, short, subscribed, voided } from './given.ts';

const START = at('2027-01-31T08:00:00Z');
const DUE = '2027-02-28T08:00:00Z';
const none = new Set<string>();

const active = after(subscribed(), paid(String(START)));
const renewing = after(active, on('due', DUE));
const pending = after(renewing, short(DUE));

describe('an answer of the wallet', () => {
  test('moves the subscription that waits for it', () => {
    const said = answer(renewing, at(DUE), 'short', { version: 1, at: DUE });
    expect(triggerOf(said, renewing, none, at(DUE))).toEqual({
      name: 'short',
      at: at(DUE),
      chargeVersion: 1,
      shortfallMinor: 299,
    });
  });

  test('never comes before the question, even when the clock of the wallet is behind', () => {
    const said = answer(renewing, at(DUE), 'paid', { version: 1, at: '2027-02-27T00:00:00Z' });
    expect(String(triggerOf(said, renewing, none, at(DUE))?.at)).toBe(DUE);
  });

  test.each(['paid', 'short', 'voided'] as const)('counts from when we hear of it: %s', (outcome) => {
    const said = answer(renewing, at(DUE), outcome, { version: 1, at: DUE });
    const trigger = triggerOf(said, renewing, none, at('2027-03-02T10:00:00Z'));
    expect(String(trigger?.at)).toBe('2027-03-02T10:00:00Z');
  });

  test.each(['paid', 'short', 'voided'] as const)('that was lost and is said again is taken: %s', (outcome) => {
    const askedAgainAt = '2027-02-28T08:10:00Z';
    const askedAgain = after(renewing, on('unanswered', askedAgainAt));
    const again = answer(askedAgain, at(DUE), outcome, { version: 1, at: DUE });
    expect(triggerOf(again, askedAgain, none, at(askedAgainAt))?.name).toBe(outcome);
  });

  test('that was taken and is said again, because we asked again, changes nothing', () => {
    const shortAgain = answer(pending, at(DUE), 'short', { version: 1, at: DUE });
    expect(triggerOf(shortAgain, pending, none, at(DUE))).toBeNull();
    const renewed = after(renewing, paid(DUE));
    const paidAgain = answer(renewed, at(DUE), 'paid', { version: 1, at: DUE });
    expect(triggerOf(paidAgain, renewed, new Set([paidAgain.chargeId]), at(DUE))).toBeNull();
    const over = after(pending, on('grace_ended', '2027-03-07T08:00:00Z'), voided('2027-03-07T08:00:01Z'));
    const voidedAgain = answer(over, at(DUE), 'voided', { version: 2, at: DUE });
    expect(triggerOf(voidedAgain, over, none, at(DUE))).toBeNull();
  });

  test('that is older than one we have seen changes nothing', () => {
    const late = answer(pending, at(DUE), 'short', { version: 1, at: DUE });
    expect(triggerOf(late, pending, none, at(DUE))).toBeNull();
  });

  test('about a charge that has bought its period changes nothing', () => {
    const again = answer(active, START, 'paid', { version: 1, at: DUE });
    expect(triggerOf(again, active, new Set([again.chargeId]), at(DUE))).toBeNull();
    const lateFailure = answer(active, START, 'short', { version: 1, at: DUE });
    expect(triggerOf(lateFailure, active, new Set([again.chargeId]), at(DUE))).toBeNull();
  });

  test('that nothing waits for any more and no funds will come to ends the waiting', () => {
    const said = {
      ...answer(renewing, at(DUE), 'short', { version: 1, at: DUE }),
      awaitingFunds: false,
    } as WalletAnswer;
    expect(triggerOf(said, renewing, none, at(DUE))?.name).toBe('voided');
  });

  test.each([
    ['of a subscription we do not have', undefined, {}],
    ['of a charge we never asked for', renewing, { chargeId: '5d0c2e52-0000-5a0b-8f3e-2f6f2c7b8a41' }],
    ['of another amount', renewing, { amountMinor: 1_300 }],
    ['of another currency', renewing, { currency: 'USD' }],
  ])('%s is refused', (_name, subscription, wrong) => {
    const said = { ...answer(renewing, at(DUE), 'paid', { version: 1, at: DUE }), ...wrong };
    expect(() => triggerOf(said, subscription, none, at(DUE))).toThrow(UnexpectedAnswer);
  });

  test('that took money for nothing is refused, and never passed over', () => {
    const neverGranted = answer(active, at(DUE), 'paid', { version: 1, at: DUE });
    expect(() => triggerOf(neverGranted, active, none, at(DUE))).toThrow(/buys nothing/);
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
        const trigger = triggerOf(said, subscription, new Set(granted), at(DUE));
        const move = trigger && decide(subscription, trigger);
        if (trigger && !move) throw new Error(`${subscription.status} refuses ${trigger.name}`);
        if (move?.paid) granted.push(move.paid.chargeId);
        if (move) subscription = move.after;
      }
      expect(granted).toEqual([answers[0]?.chargeId]);
      expect(subscription).toMatchObject({ status: 'active', charge: null });
    }),
  );
});
