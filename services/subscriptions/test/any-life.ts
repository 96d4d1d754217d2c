import { expect } from '@jest/globals';
import fc from 'fast-check';
import { accessAt } from '../src/decisions/access.ts';
import { movesByTime } from '../src/decisions/by-time.ts';
import { decide, possibleCommands } from '../src/decisions/decide.ts';
import type { Move } from '../src/decisions/move.ts';
import { nextAction } from '../src/decisions/next-action.ts';
import { isBefore } from '../src/decisions/periods.ts';
import { quotePlanChange } from '../src/decisions/plan-change.ts';
import type { Subscription, Terms } from '../src/decisions/subscription.ts';
import { COMMANDS, type Trigger } from '../src/decisions/triggers.ts';
import { type Given, MONTHLY, subscribed } from './given.ts';

/** Random lives of a subscription, and the books of somebody who only looks on. */

/** What happens next: time passes and the scheduler comes, time passes and it does not, the wallet answers what is pending, or somebody wants something. */
export type Step =
  | { kind: 'time'; lateHours: number; newPriceMinor: number | null }
  | { kind: 'idle'; hours: number }
  | { kind: 'wallet'; outcome: 'paid' | 'short' | 'voided'; afterHours: number }
  | { kind: 'wish'; wish: 'cancel' | 'cancel_now' | 'refund' | 'resume' | 'pause' | 'keep_plan' }
  | { kind: 'change'; priceMinor: number; unit: 'day' | 'week' | 'month' | 'year' }
  | { kind: 'extend'; hours: number };

const hours = (max: number) => fc.integer({ min: 0, max });
const price = fc.integer({ min: 1, max: 5_000 });
const unit = fc.constantFrom('day' as const, 'week' as const, 'month' as const, 'year' as const);

export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('time' as const),
        lateHours: fc.oneof(fc.constant(0), hours(3_000)),
        newPriceMinor: fc.option(price, { freq: 4 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('idle' as const), hours: hours(400) }) },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('wallet' as const),
        outcome: fc.constantFrom(
          'paid' as const,
          'paid' as const,
          'paid' as const,
          'short' as const,
          'voided' as const,
        ),
        afterHours: fc.oneof(fc.constant(0), hours(200)),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('wish' as const),
        wish: fc.constantFrom('cancel', 'cancel_now', 'refund', 'resume', 'resume', 'pause', 'pause', 'keep_plan'),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('change' as const), priceMinor: price, unit }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('extend' as const), hours: fc.integer({ min: 1, max: 900 }) }),
    },
  ) as fc.Arbitrary<Step>,
  { minLength: 5, maxLength: 70 },
);

export const plans: fc.Arbitrary<Given> = fc.record({
  trialDays: fc.constantFrom(0, 0, 14),
  graceDays: fc.constantFrom(0, 1, 7, 40),
  noticeDays: fc.constantFrom(0, 1, 3),
  accessDuringGrace: fc.boolean(),
  interval: fc.record({ unit, count: fc.integer({ min: 1, max: 3 }) }),
  timeZone: fc.constantFrom('UTC', 'Europe/Amsterdam', 'America/New_York', 'Pacific/Auckland'),
});

/** What one life led to. */
export interface Lived {
  /** Every state it was in, from the first one on. */
  states: Subscription[];
  moves: Move[];
  payments: number;
}

/** Plays a life, and holds every step of it against the books. */
export function live(plan: Given, life: readonly Step[]): Lived {
  let subscription = subscribed(plan);
  let now = subscription.createdAt;
  const lived: Lived = { states: [subscription], moves: [], payments: 0 };
  const books = openBooks(subscription);
  for (const step of life) {
    const happened = happen(step, subscription, now);
    books.pass(subscription, now, happened.at);
    now = happened.at;
    for (const move of happened.moves) {
      if (move.trigger === 'paid') lived.payments++;
      expect(move.after.version).toBe(subscription.version + 1);
      books.move(subscription, move);
      subscription = move.after;
      lived.moves.push(move);
      lived.states.push(subscription);
    }
    books.expectRight(subscription, now);
    expectSound(subscription, now);
  }
  return lived;
}

function happen(
  step: Step,
  subscription: Subscription,
  now: Temporal.Instant,
): { at: Temporal.Instant; moves: Move[] } {
  if (step.kind === 'idle') return { at: now.add({ hours: step.hours }), moves: [] };
  if (step.kind === 'time') {
    const action = nextAction(subscription);
    if (!action) return { at: now, moves: [] };
    const at = (isBefore(action.at, now) ? now : action.at).add({ hours: step.lateHours });
    const newTerms = step.newPriceMinor === null ? null : withPrice(subscription.terms, step.newPriceMinor);
    return { at, moves: movesByTime(subscription, at, newTerms) };
  }
  const trigger = triggerOf(step, subscription, now);
  if (!trigger) return { at: now, moves: [] };
  const move = decide(subscription, trigger);
  if (!move) {
    // Time and the wallet are never refused; a person may be, and is told what can be done.
    expect(step.kind).not.toBe('wallet');
    const commands = possibleCommands(subscription, trigger.at).flatMap(
      (command) => COMMANDS[command] as readonly string[],
    );
    expect(commands).not.toContain(trigger.name);
  }
  return { at: trigger.at, moves: move ? [move] : [] };
}

const withPrice = (terms: Terms, amount: number): Terms => ({ ...terms, price: { ...terms.price, amount } });

function triggerOf(
  step: Exclude<Step, { kind: 'idle' | 'time' }>,
  subscription: Subscription,
  now: Temporal.Instant,
): Trigger | null {
  const { charge, terms, currentPeriod, isTrial, status, graceEndsAt } = subscription;
  switch (step.kind) {
    case 'wallet': {
      const isGivenUp =
        charge?.state === 'voiding' || charge?.state === 'returning' || charge?.state === 'change_voiding';
      const isUpgrade = charge?.state === 'change_requested' || charge?.state === 'change_voiding';
      if (!charge || (step.outcome === 'voided' && !isGivenUp && !isUpgrade)) return null;
      const facts = { at: now.add({ hours: step.afterHours }), chargeVersion: charge.version + 1 };
      // An upgrade is paid at once or not at all.
      if (step.outcome === 'short')
        return isUpgrade ? { name: 'voided', ...facts } : { name: 'short', shortfallMinor: 1, ...facts };
      return { name: step.outcome, ...facts };
    }
    case 'wish':
      if (step.wish === 'refund' || step.wish === 'cancel_now')
        return { name: 'cancel_now', at: now, refund: step.wish === 'refund' };
      if (step.wish === 'keep_plan') return subscription.change ? { name: 'drop_change', at: now } : null;
      return { name: step.wish, at: now };
    case 'change': {
      const other = {
        ...withPrice(terms, step.priceMinor),
        planId: MONTHLY.planId,
        interval: { unit: step.unit, count: 1 },
      };
      if (status !== 'active' && status !== 'trialing') return { name: 'schedule_change', at: now, terms: other };
      if (isTrial) return { name: 'switch_plan', at: now, terms: other };
      const { paysFor, dueMinor } = quotePlanChange(subscription, other, now);
      return paysFor
        ? { name: 'upgrade', at: now, terms: other, amountMinor: dueMinor, period: paysFor }
        : { name: 'schedule_change', at: now, terms: other };
    }
    case 'extend': {
      const end = status === 'pending_renewal' ? graceEndsAt : (currentPeriod?.end ?? null);
      const from = end && isBefore(now, end) ? end : now;
      return { name: 'extend', at: now, until: from.add({ hours: step.hours }) };
    }
    default:
      return step satisfies never;
  }
}

/**
 * The books of somebody who sees only what is paid and when access is open: how much time is left that was paid for, or free.
 * Below zero while access is open longer than that, as while a renewal is processed.
 */
function openBooks(first: Subscription) {
  let leftMs = first.currentPeriod ? lengthMs(first.currentPeriod) : 0;
  return {
    /** While nothing moves, access may close and never opens. */
    pass(subscription: Subscription, from: Temporal.Instant, to: Temporal.Instant): void {
      const before = accessAt(subscription, from);
      if (!before.isOpen) {
        expect(accessAt(subscription, to).isOpen).toBe(false);
        return;
      }
      const end = accessAt(subscription, to).isOpen || !before.until ? to : before.until;
      leftMs -= lengthMs({ start: from, end });
    },
    move(before: Subscription, { trigger, at, after, paid, refunds }: Move): void {
      if (trigger === 'extend' && before.status !== 'pending_renewal') {
        leftMs =
          Math.max(leftMs, 0) +
          lengthMs({ start: later(before.currentPeriod?.end ?? at, at), end: after.currentPeriod?.end ?? at });
      }
      if (paid?.bought === 'period' && paid.period) {
        if (accessAt(before, at).isOpen) {
          // Periods never overlap, also where the end was moved.
          expect(isBefore(paid.period.start, before.currentPeriod?.end ?? at)).toBe(false);
          // Whoever had access all the time pays from where the last period ended; what was skipped was free.
          leftMs =
            Temporal.Instant.compare(paid.period.start, before.currentPeriod?.end ?? at) === 0
              ? leftMs + lengthMs(paid.period)
              : lengthMs({ start: at, end: paid.period.end });
        } else {
          // Nothing of what was paid before is lost.
          expect(leftMs).toBeLessThanOrEqual(0);
          leftMs = lengthMs(paid.period);
          expect(String(paid.period.start)).toBe(String(at));
        }
      }
      if (paid?.bought === 'upgrade' && after.currentPeriod !== before.currentPeriod && paid.period)
        leftMs = lengthMs(paid.period);
      if (trigger === 'cancel_now') {
        // Nothing of the money for time that was not used is kept from who wants it back, and nothing more is given.
        const most = before.paidParts.reduce((sum, { amountMinor }) => sum + amountMinor, 0);
        const given = refunds.reduce((sum, { amountMinor }) => sum + amountMinor, 0);
        expect(given).toBeLessThanOrEqual(most);
        if (leftMs <= 0) expect(given).toBe(0);
      }
      if (after.status === 'expired' || after.status === 'incomplete') leftMs = 0;
    },
    /** What the subscription says is left is what is left. */
    expectRight({ status, currentPeriod, pausedAt, cancelAt }: Subscription, now: Temporal.Instant): void {
      if (!currentPeriod || status === 'expired') return;
      const stopped = cancelAt !== null && isBefore(cancelAt, currentPeriod.end);
      const said = stopped ? 0 : currentPeriod.end.epochMilliseconds - (pausedAt ?? now).epochMilliseconds;
      if (stopped) leftMs = 0;
      expect(Math.max(0, said)).toBe(Math.max(0, leftMs));
    },
  };
}

const later = (one: Temporal.Instant, other: Temporal.Instant): Temporal.Instant =>
  isBefore(one, other) ? other : one;
const lengthMs = ({ start, end }: { start: Temporal.Instant; end: Temporal.Instant }): number =>
  end.epochMilliseconds - start.epochMilliseconds;

function expectSound(subscription: Subscription, now: Temporal.Instant): void {
  const { status, charge, currentPeriod } = subscription;
  expect(nextAction(subscription) === null).toBe(status === 'expired' || (status === 'paused' && charge === null));
  expect(charge?.askAgainAt == null).toBe(charge === null || charge.state === 'waiting');
  if (accessAt(subscription, now).isOpen) {
    // Nobody has access who has neither paid nor a trial.
    expect(currentPeriod).not.toBeNull();
    expect(['trialing', 'active', 'canceled', 'pending_renewal']).toContain(status);
  }
  if (status === 'expired') expect([charge, subscription.change, subscription.pausedAt]).toEqual([null, null, null]);
}
