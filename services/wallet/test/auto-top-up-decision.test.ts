import { describe, expect, test } from '@jest/globals';
import { type AutoTopUpState, decideAutoTopUp, restAfterDecline } from '../src/decisions/auto-top-up.ts';

const NOW = Temporal.Instant.from('2026-11-23T08:00:00Z');
const later = (hours: number) => NOW.add({ hours });

const state = (change: Partial<AutoTopUpState> = {}): AutoTopUpState => ({
  threshold: 0,
  amount: 500,
  maxPerDay: 10_000,
  restsUntil: null,
  lastFailure: null,
  balance: 0,
  waiting: 0,
  wasDebited: true,
  isUnderWay: false,
  onItsWay: 0,
  taken: 0,
  takenSince: null,
  ...change,
});
const decide = (change: Partial<AutoTopUpState>) => decideAutoTopUp(state(change), NOW);

describe('an account', () => {
  test.each<[string, Partial<AutoTopUpState>, number]>([
    ['is topped up by the set amount when that covers what waits', { waiting: 300, balance: 100 }, 500],
    ['is topped up by all that waits together when that is more', { waiting: 3_000, balance: 100 }, 2_900],
    ['is topped up when a debit leaves one unit less than the threshold', { balance: 999, threshold: 1_000 }, 500],
    ['is brought back to the threshold when the set amount is not enough', { balance: 100, threshold: 1_000 }, 900],
    [
      'that is short and below its threshold needs one payment for both',
      { waiting: 700, balance: 100, threshold: 400 },
      1_000,
    ],
    [
      'is topped up by what the cap leaves, if that covers what waits',
      { waiting: 600, taken: 9_200, amount: 2_000 },
      800,
    ],
    ['is topped up by all that the cap leaves, to the unit', { waiting: 600, taken: 9_400 }, 600],
  ])('%s', (_what, change, amount) => {
    expect(decide(change)).toEqual({ type: 'top_up', amount });
  });

  test.each<[string, Partial<AutoTopUpState>]>([
    ['has enough', { balance: 1_000, threshold: 1_000 }],
    ['is below its threshold without a debit', { balance: 10, threshold: 1_000, wasDebited: false }],
    ['is being topped up already', { waiting: 700, isUnderWay: true }],
    ['rests after a decline', { waiting: 700, restsUntil: later(1), lastFailure: 'card_declined' }],
    ['could not hold what it lacks', { waiting: 9_000, onItsWay: Number.MAX_SAFE_INTEGER - 8_999 }],
  ])('that %s is left alone', (_what, change) => {
    expect(decide(change)).toEqual({ type: 'none' });
  });

  test('whose rest has just ended is topped up again', () => {
    expect(decide({ waiting: 700, restsUntil: NOW, lastFailure: 'card_declined' })).toEqual({
      type: 'top_up',
      amount: 700,
    });
  });

  test('that lacks one unit more than the cap leaves rests until the oldest payment leaves the 24 hours', () => {
    expect(decide({ waiting: 601, taken: 9_400, takenSince: later(-20) })).toEqual({
      type: 'rest',
      until: later(4),
      failure: 'daily_cap',
    });
  });

  test('that lacks more than the cap ever allows is looked at once a day', () => {
    expect(decide({ waiting: 10_001 })).toEqual({ type: 'rest', until: later(24), failure: 'daily_cap' });
  });

  test('at its cap is topped up all the same for less, which fits', () => {
    const atCap = { restsUntil: later(4), lastFailure: 'daily_cap', taken: 9_400, takenSince: later(-20) };
    expect(decide({ ...atCap, waiting: 600 })).toEqual({ type: 'top_up', amount: 600 });
  });
});

test('declines in a row make it rest 1, 4, 12, and then 24 hours each', () => {
  const hours = [1, 2, 3, 4, 5, 50].map((declines) => restAfterDecline(declines, NOW).since(NOW).total('hours'));
  expect(hours).toEqual([1, 4, 12, 24, 24, 24]);
});
