import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { accessAt } from '../src/decisions/access.ts';
import { decide, possibleCommands } from '../src/decisions/lifecycle.ts';
import type { GrantedPeriod } from '../src/decisions/move.ts';
import { nextAction } from '../src/decisions/next-action.ts';
import { isBefore } from '../src/decisions/periods.ts';
import type { Subscription } from '../src/decisions/subscription.ts';
import { COMMANDS, type Trigger } from '../src/decisions/triggers.ts';
import { subscribed } from './given.ts';

/** What happens next: time passes, the wallet answers what is pending, or the customer wants something. */
type Step =
  | { kind: 'time'; lateHours: number }
  | { kind: 'wallet'; outcome: 'paid' | 'short' | 'voided'; afterHours: number }
  | { kind: 'customer'; command: (typeof COMMANDS)[number] };

const hours = (max: number) => fc.integer({ min: 0, max });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('time'), lateHours: fc.oneof(fc.constant(0), hours(3_000)) }),
    },
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

function triggerOf(step: Step, subscription: Subscription, now: Temporal.Instant): Trigger | null {
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

test('in any life each payment buys one period, periods never overlap, and somebody always has the next move', () => {
  fc.assert(
    fc.property(plans, steps, (plan, life) => {
      let subscription = subscribed(plan);
      let now = subscription.createdAt;
      let payments = 0;
      const granted: GrantedPeriod[] = [];
      for (const step of life) {
        const trigger = triggerOf(step, subscription, now);
        if (!trigger) continue;
        const move = decide(subscription, trigger);
        if (!move) {
          // Time and the wallet are never refused; a customer may be, and is told what can be done.
          expect(step.kind).toBe('customer');
          expect(possibleCommands(subscription)).not.toContain(trigger.name);
          continue;
        }
        if (trigger.name === 'paid') payments++;
        if (move.granted) granted.push(move.granted);
        expect(move.after.version).toBe(subscription.version + 1);
        subscription = move.after;
        now = trigger.at;
        expectSound(subscription, now);
      }
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

function expectSound(subscription: Subscription, now: Temporal.Instant): void {
  const { status, charge, currentPeriod } = subscription;
  const isWalletsTurn = charge !== null && charge.state !== 'waiting';
  expect(nextAction(subscription) === null).toBe(isWalletsTurn || status === 'expired');
  if (accessAt(subscription, now).isOpen) {
    // Nobody has access who has neither paid nor a trial.
    expect(currentPeriod).not.toBeNull();
    expect(['trialing', 'active', 'canceled', 'pending_renewal']).toContain(status);
  }
  if (status === 'expired') expect(charge).toBeNull();
}
