import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { mrrMinor } from '../src/decisions/mrr.ts';
import { quotePlanChange } from '../src/decisions/plan-change.ts';
import { shareOf, unusedOf } from '../src/decisions/proration.ts';
import type { Period } from '../src/decisions/subscription.ts';
import { after, at, MONTHLY, on, paid, subscribed } from './given.ts';

const START = '2027-01-31T08:00:00Z';
const period = (startMs: number, lengthMs: number): Period => ({
  start: Temporal.Instant.fromEpochMilliseconds(startMs),
  end: Temporal.Instant.fromEpochMilliseconds(startMs + lengthMs),
});

describe('a share of an amount', () => {
  test.each([
    [1_000, 100, 50, 500],
    [1_000, 3, 2, 333],
    [5, 10, 5, 3],
    [1, 2, 1, 1],
    [1, 3, 2, 0],
    [Number.MAX_SAFE_INTEGER, 2, 0, Number.MAX_SAFE_INTEGER],
  ])('%i over %i ms, from %i ms on, is %i: halves up, in whole numbers', (amount, lengthMs, fromMs, expected) => {
    const whole = period(1_000_000, lengthMs);
    expect(shareOf(amount, whole, whole.start.add({ milliseconds: fromMs })).amountMinor).toBe(expected);
  });

  test('that goes back is rounded down: a moment that was used is never free', () => {
    const month = period(1_000_000, 2_592_000_000);
    const part = { chargeId: 'c', amountMinor: 999, period: month };
    expect(unusedOf(part, month.start).amountMinor).toBe(999);
    expect(unusedOf(part, month.start.add({ milliseconds: 1 })).amountMinor).toBe(998);
    expect(unusedOf(part, month.end.subtract({ milliseconds: 1 })).amountMinor).toBe(0);
  });

  test('is never more than the whole nor less than nothing, and never grows with time', () => {
    const times = fc.tuple(
      fc.integer({ min: 1, max: 10 ** 11 }),
      fc.integer({ min: -1_000, max: 10 ** 11 }),
      fc.nat(10 ** 9),
    );
    fc.assert(
      fc.property(fc.maxSafeNat(), times, (amount, [lengthMs, fromMs, laterMs]) => {
        const whole = period(10 ** 12, lengthMs);
        const from = whole.start.add({ milliseconds: fromMs });
        const { amountMinor, partMs, wholeMs } = shareOf(amount, whole, from);
        expect(wholeMs).toBe(lengthMs);
        expect(partMs).toBe(Math.min(lengthMs, Math.max(0, lengthMs - fromMs)));
        expect(amountMinor).toBeGreaterThanOrEqual(0);
        expect(amountMinor).toBeLessThanOrEqual(amount);
        const later = shareOf(amount, whole, from.add({ milliseconds: laterMs }));
        expect(later.amountMinor).toBeLessThanOrEqual(amountMinor);
      }),
    );
  });
});

describe('a quote', () => {
  const active = after(subscribed(), paid(START));
  const terms = (amount: number, unit: 'month' | 'year' = 'month') => ({
    ...MONTHLY,
    planId: '01936f4e-0000-7000-8000-000000000002',
    price: { amount, currency: 'EUR' as const },
    interval: { unit, count: 1 },
  });

  test('is what its lines add up to, never below zero, and never above the new price', () => {
    const [startMs, endMs] = [at(START).epochMilliseconds, at('2027-02-28T08:00:00Z').epochMilliseconds];
    const moments = fc.integer({ min: startMs, max: endMs - 1 }).map(Temporal.Instant.fromEpochMilliseconds);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10 ** 9 }),
        fc.constantFrom('month', 'year'),
        moments,
        (price, unit, moment) => {
          const { lines, dueMinor, applies, paysFor } = quotePlanChange(active, terms(price, unit), moment);
          const sum = lines.reduce(
            (total, { kind, amountMinor }) => total + (kind === 'new_plan' ? amountMinor : -amountMinor),
            0,
          );
          expect(dueMinor).toBe(Math.max(0, sum));
          expect(applies).toBe(dueMinor > 0 ? 'now' : 'period_end');
          expect(paysFor !== null).toBe(dueMinor > 0);
          expect(dueMinor).toBeLessThanOrEqual(price);
          if (unit === 'month' && price <= 1_299) expect(dueMinor).toBe(0);
        },
      ),
    );
  });

  test('of one whose free days are running waits for their end', () => {
    const extended = after(active, { name: 'extend', at: at(START), until: at('2027-03-31T08:00:00Z') });
    const inFreeDays = at('2027-03-10T08:00:00Z');
    expect(quotePlanChange(extended, terms(9_999), inFreeDays)).toMatchObject({ applies: 'period_end', dueMinor: 0 });
    expect(quotePlanChange(extended, terms(9_999, 'year'), at(START))).toMatchObject({ applies: 'period_end' });
    expect(quotePlanChange(extended, terms(9_999), at(START))).toMatchObject({ applies: 'now', dueMinor: 8_700 });
  });
});

describe('monthly recurring revenue', () => {
  const active = after(subscribed(), paid(START));
  test.each([
    ['month', 1, 1_299, 1_299],
    ['month', 3, 3_000, 1_000],
    ['year', 1, 12_000, 1_000],
    ['year', 2, 25_000, 1_042],
    ['week', 1, 700, 3_044],
    ['day', 1, 100, 3_044],
  ] as const)('of a price for each %s x %i of %i is %i', (unit, count, amount, expected) => {
    const terms = { ...MONTHLY, interval: { unit, count }, price: { amount, currency: 'EUR' as const } };
    expect(mrrMinor({ ...active, terms })).toBe(expected);
  });

  test('is of who pays, or is waited for', () => {
    expect(mrrMinor(subscribed())).toBe(0);
    expect(mrrMinor(subscribed({ trialDays: 14 }))).toBe(0);
    expect(mrrMinor(after(active, on('cancel', START)))).toBe(0);
    expect(mrrMinor(after(active, on('pause', START)))).toBe(0);
  });
});
