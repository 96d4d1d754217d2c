import type { Change } from './changes.ts';
import { upgradeChargeId } from './charge-id.ts';
import { isBefore, later, nthPeriod } from './periods.ts';
import { type Share, shareOf, unusedOf } from './proration.ts';
import { askFor } from './renewal.ts';
import {
  BEFORE_ANCHOR,
  type PaidPart,
  type Period,
  pendingCharge,
  periodInUse,
  type Subscription,
  type Terms,
} from './subscription.ts';

/** One line of the arithmetic of a change of plan. */
export interface QuoteLine extends Share {
  readonly kind: 'new_plan' | 'unused_time';
  readonly priceMinor: number;
  /** The time `partMs` is of. */
  readonly span: Period;
}

export interface Quote {
  readonly applies: 'now' | 'period_end';
  readonly lines: readonly QuoteLine[];
  /** What is to be paid now in minor units; 0 when nothing is. */
  readonly dueMinor: number;
  /** What that money is for. */
  readonly paysFor: Period | null;
  /** The current period after the change; for one that applies at the end of the period, the one after it. */
  readonly period: Period;
}

const isSameInterval = (one: Terms, other: Terms): boolean =>
  one.interval.unit === other.interval.unit && one.interval.count === other.interval.count;

/**
 * What a change of plan costs at `at`, and when it is made. With the interval it has, the current period goes on, and what is left
 * of it is paid at the new price; with another one, a whole new period starts now. What is unused of the money paid so far is
 * set off. A trial goes on as it is. Where nothing is left to pay, the change waits for the end of the period, and no money moves.
 */
export function quotePlanChange(subscription: Subscription, terms: Terms, at: Temporal.Instant): Quote {
  if (subscription.isTrial) return freeOfCharge(subscription);
  const atPeriodEnd: Quote = {
    applies: 'period_end',
    lines: [],
    dueMinor: 0,
    paysFor: null,
    period: periodAfter(subscription, terms),
  };
  const cost = costOf(subscription, terms, at);
  if (!cost) return atPeriodEnd;
  const lines = [cost, ...subscription.paidParts.map((part) => creditOf(part, at)).filter(({ partMs }) => partMs > 0)];
  const dueMinor = lines.reduce(
    (sum, { kind, amountMinor }) => sum + (kind === 'new_plan' ? amountMinor : -amountMinor),
    0,
  );
  return dueMinor > 0 ? { applies: 'now', lines, dueMinor, paysFor: cost.span, period: cost.period } : atPeriodEnd;
}

/** At once, and no money moves. */
export const freeOfCharge = (subscription: Subscription): Quote => ({
  applies: 'now',
  lines: [],
  dueMinor: 0,
  paysFor: null,
  period: periodInUse(subscription),
});

/** The new plan for what it would pay for; null when nothing that is paid for is left. */
function costOf(
  subscription: Subscription,
  terms: Terms,
  at: Temporal.Instant,
): (QuoteLine & { period: Period }) | null {
  const { timeZone, paidParts, currentPeriod } = subscription;
  const priceMinor = terms.price.amount;
  const paid = paidParts[0]?.period;
  if (!isSameInterval(subscription.terms, terms)) {
    // Days that an operator gave for free would be lost.
    if (paid && currentPeriod && isBefore(paid.end, currentPeriod.end)) return null;
    const span = nthPeriod({ anchor: at, interval: terms.interval, timeZone }, 0);
    return { kind: 'new_plan', priceMinor, span, ...shareOf(priceMinor, span, at), period: span };
  }
  // Free days come after those that are paid for, and stay free.
  if (!paid || !isBefore(at, paid.end)) return null;
  const share = shareOf(priceMinor, paid, at);
  return {
    kind: 'new_plan',
    priceMinor,
    span: { start: at, end: paid.end },
    ...share,
    period: periodInUse(subscription),
  };
}

const creditOf = (part: PaidPart, at: Temporal.Instant): QuoteLine => ({
  kind: 'unused_time',
  priceMinor: part.amountMinor,
  span: { start: at, end: part.period.end },
  ...unusedOf(part, at),
});

function periodAfter(subscription: Subscription, terms: Terms): Period {
  const { anchor, periodNumber, currentPeriod, timeZone } = subscription;
  const { interval } = terms;
  return isSameInterval(subscription.terms, terms)
    ? nthPeriod({ anchor, interval, timeZone }, periodNumber + 1)
    : nthPeriod({ anchor: currentPeriod?.end ?? anchor, interval, timeZone }, 0);
}

/** Asks for the difference. It is paid at once or not at all. */
export const askForUpgrade: Change<'upgrade'> = (subscription, { terms, amountMinor, period, at }) => {
  const start = startOfUpgrade(subscription, at);
  const id = upgradeChargeId(subscription.id, start);
  const asked = askFor({ id, amountMinor, period: { start, end: period.end }, at });
  return { change: terms, charge: { ...asked, state: 'change_requested', periodNumber: 0 } };
};

/** Its charge follows from its start, so two upgrades never start in the same millisecond. */
function startOfUpgrade(subscription: Subscription, at: Temporal.Instant): Temporal.Instant {
  const id = upgradeChargeId(subscription.id, at);
  const isTaken = subscription.paidParts.some(({ chargeId }) => chargeId === id);
  return isTaken ? startOfUpgrade(subscription, at.add({ milliseconds: 1 })) : at;
}

/** The difference is paid. What of it was for time that passed before we heard of it goes back: that was on the plan of before. */
export const makeUpgrade: Change<'paid'> = (subscription, { at }) => {
  const { terms: before, change: terms, timeZone, paidParts } = subscription;
  const { id: chargeId, amountMinor, period: asked } = pendingCharge(subscription);
  if (!terms) throw new Error(`subscription ${subscription.id} has paid for an upgrade to nothing`);
  const made = { terms, change: null, charge: null };
  if (isSameInterval(before, terms)) {
    const left = shareOf(amountMinor, asked, at).amountMinor;
    const part = { chargeId, amountMinor: left, period: { start: later(at, asked.start), end: asked.end } };
    return { ...made, paidParts: left > 0 ? [...paidParts, part] : paidParts };
  }
  const period = nthPeriod({ anchor: at, interval: terms.interval, timeZone }, 0);
  // What was unused when the upgrade was asked for has paid for the new period too.
  const setOff = paidParts
    .map((part) => ({ ...part, amountMinor: unusedOf(part, asked.start).amountMinor, period }))
    .filter((part) => part.amountMinor > 0);
  return {
    ...made,
    ...{ anchor: at, periodNumber: 0, currentPeriod: period },
    paidParts: [{ chargeId, amountMinor, period }, ...setOff],
  };
};

/** The same for one that was canceled meanwhile: it runs to the end of what is paid by now. */
export const makeLastUpgrade: Change<'paid'> = (subscription, trigger) => {
  const made = makeUpgrade(subscription, trigger);
  return { ...made, cancelAt: (made.currentPeriod ?? periodInUse(subscription)).end };
};

/** The difference was not paid, and never will be. */
export const dropUpgrade: Change<'voided'> = () => ({ charge: null, change: null });

export const scheduleChange: Change<'schedule_change'> = (_subscription, { terms }) => ({ change: terms });
export const dropChange: Change<'drop_change'> = () => ({ change: null });
export const switchPlan: Change<'switch_plan'> = (_subscription, { terms }) => ({ terms });

/** A period of another length starts a calendar of its own where the last one ends. */
export const applyTerms: Change<'terms_due'> = (subscription, { terms }) => {
  const changed = { terms, change: null };
  if (isSameInterval(subscription.terms, terms)) return changed;
  return { ...changed, anchor: periodInUse(subscription).end, periodNumber: BEFORE_ANCHOR };
};
