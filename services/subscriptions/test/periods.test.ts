import { readFileSync } from 'node:fs';
import type { Interval } from '@evergreen/contracts/http/subscriptions.ts';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Calendar, nthPeriod, periodAt } from '../src/decisions/periods.ts';

interface Vector {
  shows: string;
  calendar: Calendar;
  /** Start of each period, by the wall clock of the zone. */
  starts: string[];
}

const text = readFileSync(new URL('period-vectors.txt', import.meta.url), 'utf8');
const vectors = text.split('\n\n## ').slice(1).map(parseVector);

function parseVector(block: string): Vector {
  const [shows = '', every = '', ...starts] = block.trim().split('\n');
  const [, count, unit, timeZone] = /^every (\d+) (day|week|month|year)s? in (\S+)$/.exec(every) ?? [];
  if (!count || !unit || !timeZone || !starts[0]) throw new Error(`cannot read the vector "${shows}"`);
  const interval = { unit, count: Number(count) } as Interval;
  return { shows, calendar: { anchor: instantOf(starts[0]), interval, timeZone }, starts };
}

function instantOf(wallClock: string): Temporal.Instant {
  return Temporal.Instant.from(wallClock.replace(/ (?=[+-])/, ''));
}

function wallClockOf(instant: Temporal.Instant, timeZone: string): string {
  const zoned = instant.toZonedDateTimeISO(timeZone);
  return `${zoned.toPlainDate()} ${zoned.toPlainTime().toString({ smallestUnit: 'minute' })} ${zoned.offset}`;
}

describe('the vectors', () => {
  test('are 17, of 24 periods each', () => {
    expect(vectors.map(({ starts }) => starts.length)).toEqual(Array(17).fill(25));
  });

  test.each(vectors)('$shows', ({ calendar, starts }) => {
    const computed = starts.map((_, n) => wallClockOf(nthPeriod(calendar, n).start, calendar.timeZone));
    expect(computed).toEqual(starts);
  });

  test.each(vectors)('$shows: each period is found by any moment in it', ({ calendar, starts }) => {
    for (const number of starts.keys()) {
      const { start, end } = nthPeriod(calendar, number);
      const middle = start.add({ seconds: Math.floor(start.until(end).total('seconds') / 2) });
      const found = [start, middle, end.subtract({ milliseconds: 1 })].map((now) => periodAt(calendar, now).number);
      expect(found).toEqual([number, number, number]);
    }
  });
});

describe('periods of any subscription', () => {
  const zones = [
    'UTC',
    'Europe/Amsterdam',
    'America/New_York',
    'Pacific/Auckland',
    'Asia/Kathmandu',
    'America/Santiago',
  ];
  const calendars: fc.Arbitrary<Calendar> = fc.record({
    anchor: fc
      .integer({ min: Date.UTC(2026, 0), max: Date.UTC(2060, 0) })
      .map((ms) => Temporal.Instant.fromEpochMilliseconds(ms)),
    interval: fc.record({
      unit: fc.constantFrom('day', 'week', 'month', 'year'),
      count: fc.integer({ min: 1, max: 12 }),
    }),
    timeZone: fc.constantFrom(...zones),
  });
  const numbers = fc.integer({ min: 0, max: 400 });

  test('leave no gap and never overlap', () => {
    fc.assert(
      fc.property(calendars, numbers, (calendar, number) => {
        const [one, next] = [nthPeriod(calendar, number), nthPeriod(calendar, number + 1)];
        expect(next.start.epochMilliseconds).toBe(one.end.epochMilliseconds);
        expect(one.start.epochMilliseconds).toBeLessThan(one.end.epochMilliseconds);
      }),
    );
  });

  test('start on the day of the month of the anchor, or on the last one of a shorter month', () => {
    fc.assert(
      fc.property(calendars, numbers, ({ anchor, interval, timeZone }, number) => {
        const monthly = { anchor, timeZone, interval: { unit: 'month' as const, count: interval.count } };
        const first = anchor.toZonedDateTimeISO(timeZone);
        const { start } = nthPeriod(monthly, number);
        const zoned = start.toZonedDateTimeISO(timeZone);
        const monthsLater = (zoned.year - first.year) * 12 + zoned.month - first.month;
        expect(monthsLater).toBe(number * interval.count);
        expect(zoned.day).toBe(Math.min(first.day, zoned.daysInMonth));
      }),
    );
  });

  test('are found by any moment in them', () => {
    fc.assert(
      fc.property(calendars, numbers, fc.double({ min: 0, max: 0.999999, noNaN: true }), (calendar, number, share) => {
        const { start, end } = nthPeriod(calendar, number);
        const withinMs = Math.floor((end.epochMilliseconds - start.epochMilliseconds) * share);
        const found = periodAt(calendar, start.add({ milliseconds: withinMs }));
        expect(found.number).toBe(number);
        expect(found.period.start.epochMilliseconds).toBe(start.epochMilliseconds);
      }),
    );
  });
});
