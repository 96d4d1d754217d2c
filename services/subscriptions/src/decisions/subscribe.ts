import type { Move } from './move.ts';
import { daysAfter, nthPeriod } from './periods.ts';
import { chargeFor } from './renewal.ts';
import { BEFORE_ANCHOR, type Subscription, type Terms } from './subscription.ts';

export interface Request {
  /** UUIDv7. */
  id: string;
  userId: string;
  terms: Terms;
  timeZone: string;
  /** Free days before the first charge; 0 for none. */
  trialDays: number;
  at: Temporal.Instant;
}

/**
 * The first move. Without a trial the first period is asked for at once, and starts when it is paid. With one the anchor is
 * the end of the trial, where the first period to be paid starts.
 */
export function subscribe({ id, userId, terms, timeZone, trialDays, at }: Request): Move {
  const common = {
    id,
    userId,

    terms,
    timeZone,
    periodNumber: BEFORE_ANCHOR,
    version: 1,
    createdAt: at,
  };
  const nothingYet = {
    ...{ charge: null, change: null, currentPeriod: null, isTrial: false, paidParts: [] },
    ...{ cancelAt: null, pausedAt: null, graceEndsAt: null, noticedAt: null },
  };
  const nothingPaid = { paid: null, refunds: [], notice: null, skippedPeriods: 0, mrrChangeMinor: 0 };
  const first = { from: null, trigger: 'subscribe', at, ...nothingPaid } as const;
  if (trialDays > 0) {
    const anchor = daysAfter(at, trialDays, timeZone);
    const currentPeriod = { start: at, end: anchor };
    const after: Subscription = { ...common, ...nothingYet, status: 'trialing', anchor, currentPeriod, isTrial: true };
    return { ...first, after, says: ['SubscriptionActivated'], chargeId: null };
  }
  const period = nthPeriod({ anchor: at, interval: terms.interval, timeZone }, 0);
  const charge = chargeFor({ id, terms }, { number: 0, period }, at);
  const after: Subscription = { ...common, ...nothingYet, status: 'incomplete', anchor: at, charge };
  return { ...first, after, says: ['SubscriptionRequested'], chargeId: charge.id };
}
