import type { Plan, Subscription, SubscriptionStatus } from '@evergreen/contracts/http/subscriptions.ts';
import { expect } from '@jest/globals';
import type { Charge, Snapshot } from './life-world.ts';

/*
 * What a customer may expect of a subscription, kept apart from the services: the model remembers what was asked for and what the
 * wallet took, and says which status may follow, who has access, and what a renewal may cost. Between two moments of rest
 * it holds what it sees against that.
 */

/** One subscription as the model knows it. */
export interface Life {
  readonly id: string;
  /** Number of its user. */
  readonly user: number;
  /** As it was at the last moment of rest. */
  seen: Subscription;
  /** Free days it began with, in milliseconds. */
  readonly trialMs: number;
  readonly begunAt: Temporal.Instant;
  /** Free time given by operators, in milliseconds. */
  extendedMs: number;
  pausedMs: number;
  /** Ended by a wish and not by time. */
  isCutShort: boolean;
  /** When it was first seen to wait for a first payment. */
  waitsSince: Temporal.Instant | null;
  /** Always on one plan, never paused, never extended. */
  isPlain: boolean;
  /** Plans it was ever on. */
  readonly plans: Set<string>;
}

/** What those who have a plan get from their next period on. */
export interface ForAll {
  version: number;
  price: number;
}

export interface Model {
  lives: Life[];
  last: Snapshot;
  /** By plan. */
  forAll: Map<string, ForAll>;
  /** Which plans each user has begun with, and so has had their trial. */
  begun: Set<string>[];
}

export type Verb = 'cancel' | 'cancel_now' | 'resume' | 'pause' | 'change_plan';

/** What may be asked of a subscription at rest. */
const ALLOWED: Record<SubscriptionStatus, readonly Verb[]> = {
  incomplete: ['cancel', 'cancel_now'],
  trialing: ['cancel', 'cancel_now', 'pause', 'change_plan'],
  active: ['cancel', 'cancel_now', 'pause', 'change_plan'],
  pending_renewal: ['cancel', 'cancel_now', 'pause'],
  paused: ['cancel', 'cancel_now', 'resume'],
  canceled: ['cancel_now', 'resume'],
  expired: [],
};

/** While grace gives access, a pause would make those days free. */
const allowedFor = ({ seen: { status, access } }: Life): readonly Verb[] =>
  status === 'pending_renewal' && access ? ALLOWED.incomplete : ALLOWED[status];

export const allows = (life: Life, verb: Verb): boolean => allowedFor(life).includes(verb);

/** A refusal names exactly what can be asked for instead; what can be asked for is never refused. */
export function expectAnswer(
  life: Life,
  verb: Verb,
  answer: { status: number; body: { code?: string; allowed?: string[] } },
) {
  const { status, body } = answer;
  if (allows(life, verb)) {
    expect([verb, life.seen.status, status, body.code]).toEqual([verb, life.seen.status, 200, undefined]);
  } else {
    expect([verb, life.seen.status, status, body.code]).toEqual([verb, life.seen.status, 409, 'invalid_transition']);
    expect(body.allowed?.toSorted()).toEqual([...allowedFor(life)].sort());
  }
}

const DAY_MS = 86_400_000;
/** The longest that a month, a year and so on may be; a day may have 25 hours. */
const LONGEST_MS = { day: DAY_MS, week: 7 * DAY_MS, month: 31 * DAY_MS, year: 366 * DAY_MS };
const SHORTEST_MS = { day: DAY_MS, week: 7 * DAY_MS, month: 28 * DAY_MS, year: 365 * DAY_MS };
const AN_HOUR_MS = 3_600_000;

export const longestMs = ({ interval: { unit, count } }: Pick<Plan, 'interval'>): number =>
  LONGEST_MS[unit] * count + AN_HOUR_MS;
const shortestMs = ({ interval: { unit, count } }: Pick<Plan, 'interval'>): number =>
  SHORTEST_MS[unit] * count - AN_HOUR_MS;

const isPaid = ({ status }: Charge): boolean => status === 'paid' || status === 'refunded';
const ms = (text: string | Temporal.Instant): number => Temporal.Instant.from(text).epochMilliseconds;
/** Of no moment at all, the beginning of time. */
const msOrZero = (text: string | null | undefined): number => (text ? ms(text) : 0);

/** Access is open to whom the model's own books say that it was paid for, or free; and to each of those. */
export function expectAccessAsPaid(life: Life, plans: readonly Plan[], { now, charges }: Snapshot): void {
  const { seen, trialMs, begunAt, pausedMs, extendedMs } = life;
  const { status, access } = seen;
  const had = plans.filter(({ id }) => life.plans.has(id));
  const facts = { id: life.id, status, access, now: String(now), accessUntil: seen.accessUntil };
  const nowMs = ms(now);
  const isFree = trialMs > 0 && nowMs < ms(begunAt) + trialMs + pausedMs + extendedMs + AN_HOUR_MS;
  const longest = Math.max(...had.map(longestMs));
  const paid = (charges.get(life.id) ?? []).filter(isPaid);
  const isEarned = paid.some(
    ({ settledAt, amount, refunded }) =>
      settledAt && refunded < amount && nowMs < ms(settledAt) + longest + pausedMs + extendedMs,
  );
  const isGrace = status === 'pending_renewal' && isOpenInGrace(seen, plans, charges.get(life.id), nowMs);
  if (access) expect({ ...facts, earned: isFree || isEarned || isGrace }).toEqual({ ...facts, earned: true });

  if (status === 'trialing' || status === 'active') expect(facts).toEqual({ ...facts, access: true });
  if (['incomplete', 'paused', 'expired'].includes(status)) expect(facts).toEqual({ ...facts, access: false });
  if (status === 'canceled') expect(facts).toEqual({ ...facts, access: nowMs < msOrZero(seen.accessUntil) });
  if (status === 'pending_renewal') expect(facts).toEqual({ ...facts, access: isGrace });
  expectNothingLost(life, had, paid, nowMs);
}

/** Grace gives access, if the plan says so, to the period that is waited for and no longer. */
function isOpenInGrace(
  { planId, graceEndsAt, waitingFor }: Subscription,
  plans: readonly Plan[],
  charges: readonly Charge[] = [],
  nowMs: number,
): boolean {
  const endMs = charges.find(({ id }) => id === waitingFor?.chargeId)?.end.epochMilliseconds ?? 0;
  const isGiven = plans.some(({ id, accessDuringGrace }) => id === planId && accessDuringGrace);
  return isGiven && nowMs < Math.min(endMs, msOrZero(graceEndsAt));
}

/** What was paid for is over only when its time is, or by a wish. */
function expectNothingLost(life: Life, had: readonly Plan[], paid: readonly Charge[], nowMs: number): void {
  const last = paid.at(-1);
  if (life.seen.status !== 'expired' || life.isCutShort || !last?.settledAt) return;
  const endMs = Math.min(ms(last.start), ms(last.settledAt)) + Math.min(...had.map(shortestMs));
  expect({ id: life.id, overAfterMs: Math.max(0, endMs - nowMs) }).toEqual({ id: life.id, overAfterMs: 0 });
}

/** What is waited for lacks money; as soon as the balance covers it, it is paid. */
export const isWaiting = ({ seen: { status } }: Life): boolean =>
  status === 'incomplete' || status === 'pending_renewal';

export function expectStillShort({ seen, user }: Life, { balances }: Snapshot): void {
  expect(seen.waitingFor?.amount).toBeGreaterThan(balances[user] ?? 0);
}

/** Who was not spoken of is as before, unless money came for what it waited for; that may lead on to the next renewal. */
export function expectUntouched(life: Life, before: Subscription, { charges }: Snapshot): void {
  const { seen } = life;
  const awaited = charges.get(life.id)?.find(({ id }) => id === before.waitingFor?.chargeId);
  if (awaited && isPaid(awaited)) expect(['active', 'pending_renewal', 'expired']).toContain(seen.status);
  else expect([life.id, seen.status, seen.version]).toEqual([life.id, before.status, before.version]);
}

/** What time alone may bring about between two moments of rest, in which nobody topped up. */
export function expectByTime(life: Life, before: Subscription, model: Model, was: Snapshot, is: Snapshot): void {
  const passed = (text: string | null): boolean => text !== null && ms(text) <= ms(is.now);
  const possible = statusesByTime(life, before, passed, is.now);
  const facts = { id: life.id, before: before.status, after: life.seen.status };
  expect({ ...facts, possible: possible.includes(life.seen.status) }).toEqual({ ...facts, possible: true });
  if (before.status === 'paused' || before.status === 'expired') expectUntouched(life, before, is);
  const renews = before.status === 'trialing' || before.status === 'active';
  if (renews && passed(before.nextRenewalAt)) expectRenewals(life, before, model, was, is);
}

function statusesByTime(
  { waitsSince }: Life,
  { status, accessUntil, graceEndsAt, nextRenewalAt }: Subscription,
  passed: (text: string | null) => boolean,
  now: Temporal.Instant,
): SubscriptionStatus[] {
  switch (status) {
    case 'paused':
    case 'expired':
      return [status];
    case 'canceled':
      return [passed(accessUntil) ? 'expired' : status];
    case 'pending_renewal':
      return [passed(graceEndsAt) ? 'expired' : status];
    case 'incomplete': {
      // 24 hours from the first word that the balance is short, which came at most a minute before it was seen.
      const waitedMs = ms(now) - ms(waitsSince ?? now);
      return [...(waitedMs < DAY_MS ? [status] : []), ...(waitedMs >= DAY_MS - 60_000 ? ['expired' as const] : [])];
    }
    case 'trialing':
    case 'active':
      return passed(nextRenewalAt) ? ['active', 'pending_renewal', 'expired'] : [status];
    default:
      return status satisfies never;
  }
}

/** Each renewal costs what was agreed; one that is not paid was not covered. */
function expectRenewals(life: Life, before: Subscription, { forAll }: Model, was: Snapshot, is: Snapshot): void {
  const known = new Set(was.charges.get(life.id)?.map(({ id }) => id));
  const asked = (is.charges.get(life.id) ?? []).filter(({ id }) => !known.has(id));
  const planId = before.change?.planId ?? before.planId;
  const newer = forAll.get(planId);
  const agreed = before.change?.price.amount ?? before.price.amount;
  const isNewer = newer && (before.change !== null || newer.version > before.planVersion);
  const prices = new Set([before.change || !isNewer ? agreed : newer.price, ...(isNewer ? [newer.price] : [])]);
  expect(asked.length).toBeGreaterThan(0);
  for (const { amount } of asked) expect([life.id, [...prices]]).toEqual([life.id, expect.arrayContaining([amount])]);
  expect(life.seen.planId).toBe(planId);
  const last = asked.at(-1);
  if (life.seen.status === 'active') {
    expect(last?.status).toBe('paid');
    expect(msOrZero(life.seen.currentPeriod?.end)).toBeGreaterThan(ms(is.now));
  } else {
    expect(last?.status).toBe(life.seen.status === 'expired' ? 'voided' : 'awaiting_funds');
    expect(last?.amount).toBeGreaterThan(is.balances[life.user] ?? 0);
  }
}
