import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { accessAt } from '../src/decisions/access.ts';
import { decide, possibleCommands } from '../src/decisions/lifecycle.ts';
import type { GrantedPeriod } from '../src/decisions/move.ts';
import { nextAction } from '../src/decisions/next-action.ts';
import { isBefore } from '../src/decisions/periods.ts';
import type { Period, Subscription } from '../src/decisions/subscription.ts';
import { COMMANDS, type Trigger } from '../src/decisions/triggers.ts';
import { type Given, subscribed } from './given.ts';

/** What happens next: time passes and the scheduler comes, time passes and it does not, the wallet answers what is pending, or the customer wants something. */
type Step =
  | { kind: 'time'; lateHours: number }
  | { kind: 'idle'; hours: number }
  | { kind: 'wallet'; outcome: 'paid' | 'short' | 'voided'; afterHours: number }
  | { kind: 'customer'; command: (typeof COMMANDS)[number] };

const hours = (max: number) => fc.integer({ min: 0, max });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('time'), lateHours: fc.oneof(fc.constant(0), hours(3_000)) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('idle'), hours: hours(200) }) },
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('wallet'),
        outcome: fc.constantFrom('paid', 'paid', 'paid', 'short', 'voided'),
        afterHours: fc.oneof(fc.constant(0), hours(200)),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('customer'), command: fc.constantFrom(...COMMANDS) }) },
  ) as fc.Arbitrary<Step>,
  { minLength: 5, maxLength: 60 },
);
const plans = fc.record({
  trialDays: fc.constantFrom(0, 0, 14),
  graceDays: fc.constantFrom(0, 1, 7, 40),
  accessDuringGrace: fc.boolean(),
  interval: fc.record({ unit: fc.constantFrom('day', 'week', 'month', 'year'), count: fc.integer({ min: 1, max: 3 }) }),
  timeZone: fc.constantFrom('UTC', 'Europe/Amsterdam', 'America/New_York', 'Pacific/Auckland'),
});

function triggerOf(
  step: Exclude<Step, { kind: 'idle' }>,
  subscription: Subscription,
  now: Temporal.Instant,
): Trigger | null {
  if (step.kind === 'customer') return { name: step.command, at: now };
  if (step.kind === 'time') {
    const action = nextAction(subscription);
    if (!action) return null;
    const due = isBefore(action.at, now) ? now : action.at;
    return { name: action.trigger, at: due.add({ hours: step.lateHours }) };
  }
  const { charge } = subscription;
  if (!charge || (step.outcome === 'voided' && charge.state !== 'voiding')) return null;
  const facts = { at: now.add({ hours: step.afterHours }), chargeVersion: charge.version + 1 };
  return step.outcome === 'short' ? { name: 'short', shortfallMinor: 1, ...facts } : { name: step.outcome, ...facts };
}

/** What one life led to. */
interface Lived {
  payments: number;
  granted: GrantedPeriod[];
  /** When access was closed. */
  closed: Period[];
}

function live(plan: Given, life: Step[]): Lived {
  let subscription = subscribed(plan);
  let now = subscription.createdAt;
  const lived: Lived = { payments: 0, granted: [], closed: [] };
  for (const step of life) {
    if (step.kind === 'idle') {
      const later = now.add({ hours: step.hours });
      lived.closed.push(...closedBetween(subscription, now, later));
      now = later;
      continue;
    }
    const trigger = triggerOf(step, subscription, now);
    if (!trigger) continue;
    const move = decide(subscription, trigger);
    if (!move) {
      // Time and the wallet are never refused; a customer may be, and is told what can be done.
      expect(step.kind).toBe('customer');
      expect(possibleCommands(subscription, trigger.at)).not.toContain(trigger.name);
      continue;
    }
    lived.closed.push(...closedBetween(subscription, now, trigger.at));
    if (trigger.name === 'paid') lived.payments++;
    if (move.granted) {
      lived.granted.push(move.granted);
      expectFair(subscription, trigger.at, move.granted.period);
    }
    expect(move.after.version).toBe(subscription.version + 1);
    subscription = move.after;
    now = trigger.at;
    expectSound(subscription, now);
  }
  return lived;
}

/** While nothing moves, access may close and never opens. */
function closedBetween(subscription: Subscription, from: Temporal.Instant, to: Temporal.Instant): Period[] {
  const before = accessAt(subscription, from);
  if (!before.isOpen) return [{ start: from, end: to }];
  if (accessAt(subscription, to).isOpen) return [];
  if (!before.until) throw new Error('access that closes has no end');
  return [{ start: before.until, end: to }];
}

const overlap = (one: Period, other: Period): boolean =>
  isBefore(one.start, other.end) && isBefore(other.start, one.end) && isBefore(other.start, other.end);

test('in any life each payment buys one period, periods never overlap, and somebody always has the next move', () => {
  fc.assert(
    fc.property(plans, steps, (plan, life) => {
      const { payments, granted } = live(plan, life);
      expect(granted).toHaveLength(payments);
      expect(new Set(granted.map(({ chargeId }) => chargeId)).size).toBe(payments);
      for (const [index, { period }] of granted.entries()) {
        const next = granted[index + 1];
        expect(isBefore(period.start, period.end)).toBe(true);
        if (next) expect(isBefore(next.period.start, period.end)).toBe(false);
      }
    }),
    { numRuns: 300 },
  );
});

test('in any life nobody pays for a moment without access, however late the wallet and the scheduler are', () => {
  fc.assert(
    fc.property(plans, steps, (plan, life) => {
      const { granted, closed } = live(plan, life);
      const paidAndClosed = granted.filter(({ period }) => closed.some((gap) => overlap(period, gap)));
      expect(paidAndClosed).toEqual([]);
    }),
    { numRuns: 500 },
  );
});

/** Access that stayed open is paid from where the last period ended, or from the period we asked for when we asked late. */
function expectFair(before: Subscription, at: Temporal.Instant, period: Period): void {
  if (!accessAt(before, at).isOpen) {
    expect(String(period.start)).toBe(String(at));
    return;
  }
  expect(period).toEqual(before.charge?.period);
  if (before.charge?.periodNumber === before.periodNumber + 1) {
    expect(String(period.start)).toBe(String(before.currentPeriod?.end));
  }
}

function expectSound(subscription: Subscription, now: Temporal.Instant): void {
  const { status, charge, currentPeriod } = subscription;
  expect(nextAction(subscription) === null).toBe(status === 'expired');
  expect(charge?.remindAt == null).toBe(charge === null || charge.state === 'waiting');
  if (accessAt(subscription, now).isOpen) {
    // Nobody has access who has neither paid nor a trial.
    expect(currentPeriod).not.toBeNull();
    expect(['trialing', 'active', 'canceled', 'pending_renewal']).toContain(status);
  }
  if (status === 'expired') expect(charge).toBeNull();
}
