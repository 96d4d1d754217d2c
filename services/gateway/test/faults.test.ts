import type { FaultRates, Faults } from '@evergreen/contracts/http/gateway.ts';
import { expect, test } from '@jest/globals';
import { findCard, verdictOn } from '../src/decisions/cards.ts';
import { LATE_EVENT_MS, MAX_LATENCY_MS, type Outcome, outcomeOf, reachesCard } from '../src/decisions/faults.ts';

const NO_FAULTS: FaultRates = {
  error500: 0,
  unavailable503: 0,
  declined: 0,
  timeoutBeforeCapture: 0,
  timeoutAfterCapture: 0,
  connectionReset: 0,
  duplicateEvent: 0,
  lateEvent: 0,
};

const setting = (rates: Partial<FaultRates> = {}, more: Partial<Faults> = {}): Faults => ({
  seed: 7,
  latency: { p50Ms: 0, p99Ms: 0 },
  rates: { ...NO_FAULTS, ...rates },
  outage: false,
  ...more,
});

const play = (faults: Faults, attempts: number): Outcome[] =>
  Array.from({ length: attempts }, (_, index) => outcomeOf(faults, index + 1));

const share = (outcomes: Outcome[], has: (outcome: Outcome) => boolean): number =>
  outcomes.filter(has).length / outcomes.length;

/** Within a hundredth: more than three standard deviations of 20,000 draws. */
function expectShare(outcomes: Outcome[], expected: number, has: (outcome: Outcome) => boolean): void {
  expect(Math.abs(share(outcomes, has) - expected)).toBeLessThan(0.011);
}

test('given no faults, when an attempt is made, then it is answered at once with one prompt event', () => {
  for (const outcome of play(setting(), 100)) {
    expect(outcome).toEqual({ latencyMs: 0, fault: undefined, declined: false, eventCopies: 1, eventDelayMs: 0 });
  }
});

test('given a seed, when its attempts are played again, then the outcomes are the same ones', () => {
  const faults = setting(
    { error500: 0.2, declined: 0.3, connectionReset: 0.2, lateEvent: 0.5 },
    { latency: { p50Ms: 60, p99Ms: 400 } },
  );
  expect(play(faults, 500)).toEqual(play(faults, 500));
});

test('given another seed, when the attempts are played, then the outcomes are others', () => {
  const rates = { error500: 0.5 };
  const faultsOf = (seed: number) => play(setting(rates, { seed }), 200).map(({ fault }) => fault);
  expect(faultsOf(8)).not.toEqual(faultsOf(7));
});

test('given rates, when many attempts are made, then each fault has its share of them', () => {
  const outcomes = play(
    setting({
      error500: 0.1,
      unavailable503: 0.2,
      timeoutBeforeCapture: 0.05,
      timeoutAfterCapture: 0.15,
      connectionReset: 0.3,
      declined: 0.25,
      duplicateEvent: 0.4,
      lateEvent: 0.6,
    }),
    20_000,
  );
  expectShare(outcomes, 0.1, ({ fault }) => fault === 'error500');
  expectShare(outcomes, 0.2, ({ fault }) => fault === 'unavailable503');
  expectShare(outcomes, 0.05, ({ fault }) => fault === 'timeoutBeforeCapture');
  expectShare(outcomes, 0.15, ({ fault }) => fault === 'timeoutAfterCapture');
  expectShare(outcomes, 0.15, ({ fault }) => fault === 'resetBeforeCapture');
  expectShare(outcomes, 0.15, ({ fault }) => fault === 'resetAfterCapture');
  expectShare(outcomes, 0.25, ({ declined }) => declined);
  expectShare(outcomes, 0.4, ({ eventCopies }) => eventCopies === 2);
  expectShare(outcomes, 0.6, ({ eventDelayMs }) => eventDelayMs === LATE_EVENT_MS);
});

test('given one rate of 1, when others are set as well, then the fault of that rate comes every time', () => {
  const faults = setting({ error500: 0.02, unavailable503: 0.03, timeoutAfterCapture: 1 });
  expect(share(play(faults, 1_000), ({ fault }) => fault === 'timeoutAfterCapture')).toBe(1);
});

test('given a changed rate, when the attempts are played again, then nothing else about them changes', () => {
  const latency = { p50Ms: 60, p99Ms: 400 };
  const before = play(setting({ declined: 0.5 }, { latency }), 300);
  const after = play(setting({ declined: 0.5, error500: 0.5 }, { latency }), 300);
  expect(after.map((outcome) => ({ ...outcome, fault: undefined }))).toEqual(before);
});

test('given p50 and p99, when many attempts are made, then the latencies are spread through both', () => {
  const sorted = play(setting({}, { latency: { p50Ms: 60, p99Ms: 400 } }), 20_000)
    .map(({ latencyMs }) => latencyMs)
    .sort((a, b) => a - b);
  const percentile = (part: number) => sorted[Math.floor(sorted.length * part)] ?? Number.NaN;
  expect(percentile(0.5)).toBeGreaterThan(57);
  expect(percentile(0.5)).toBeLessThan(63);
  expect(percentile(0.99)).toBeGreaterThan(360);
  expect(percentile(0.99)).toBeLessThan(440);
});

test('given latencies of a minute, when many attempts are made, then none waits longer than a minute', () => {
  const outcomes = play(setting({}, { latency: { p50Ms: 30_000, p99Ms: 60_000 } }), 5_000);
  expect(Math.max(...outcomes.map(({ latencyMs }) => latencyMs))).toBe(MAX_LATENCY_MS);
});

test('given p50 equal to p99, when attempts are made, then all take exactly that long', () => {
  const outcomes = play(setting({}, { latency: { p50Ms: 80, p99Ms: 80 } }), 100);
  expect(new Set(outcomes.map(({ latencyMs }) => latencyMs))).toEqual(new Set([80]));
});

test('given a fault, when it ends the attempt, then only the two after capture reached the card', () => {
  expect(reachesCard(undefined)).toBe(true);
  expect(reachesCard('timeoutAfterCapture')).toBe(true);
  expect(reachesCard('resetAfterCapture')).toBe(true);
  expect(reachesCard('timeoutBeforeCapture')).toBe(false);
  expect(reachesCard('resetBeforeCapture')).toBe(false);
  expect(reachesCard('error500')).toBe(false);
  expect(reachesCard('unavailable503')).toBe(false);
});

test.each([
  ['pm_card_visa', false, { status: 'succeeded' }],
  ['pm_card_mastercard', false, { status: 'succeeded' }],
  ['pm_card_slow', false, { status: 'succeeded' }],
  ['pm_card_declined', false, { status: 'declined', declineCode: 'card_declined' }],
  ['pm_card_insufficient_funds', true, { status: 'declined', declineCode: 'insufficient_funds' }],
  ['pm_card_expired', false, { status: 'declined', declineCode: 'expired_card' }],
  ['pm_card_visa', true, { status: 'declined', declineCode: 'card_declined' }],
] as const)('given %s and a refusal by chance: %s, when it is asked, then it says %j', (token, byChance, verdict) => {
  const card = findCard(token);
  if (!card) throw new Error(`no ${token}`);
  expect(verdictOn(card, byChance)).toEqual(verdict);
});

test('given a token of nobody, when it is looked for, then there is no card', () => {
  expect(findCard('pm_card_amex')).toBeUndefined();
});
