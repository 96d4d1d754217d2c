import { chargeId } from '../src/decisions/charge-id.ts';
import { decide } from '../src/decisions/decide.ts';
import type { Move } from '../src/decisions/move.ts';
import { subscribe } from '../src/decisions/subscribe.ts';
import type { Subscription, Terms } from '../src/decisions/subscription.ts';
import type { Trigger } from '../src/decisions/triggers.ts';
import type { WalletAnswer } from '../src/decisions/wallet-answer.ts';

export const at = (text: string): Temporal.Instant => Temporal.Instant.from(text);

export const MONTHLY: Terms = {
  planId: '01936f4e-0000-7000-8000-000000000001',
  planName: 'Monthly',
  planVersion: 1,
  price: { amount: 1_299, currency: 'EUR' },
  interval: { unit: 'month', count: 1 },
  graceDays: 7,
  accessDuringGrace: false,
  noticeDays: 0,
};

export interface Given extends Partial<Terms> {
  trialDays?: number;
  timeZone?: string;
}

/** Subscribed on 31 January at 9 in Amsterdam, unless said otherwise. */
export function subscribed(given: Given = {}, when = '2027-01-31T08:00:00Z'): Subscription {
  const { trialDays = 0, timeZone = 'Europe/Amsterdam', ...terms } = given;
  return subscribe({
    id: '01936f4e-0000-7000-8000-0000000000aa',
    userId: '01936f4e-0000-7000-8000-0000000000bb',
    terms: { ...MONTHLY, ...terms },
    timeZone,
    trialDays,
    at: at(when),
  }).after;
}

/** What the trigger leads to; a test that expects a refusal asks `decide` itself. */
export function when(subscription: Subscription, trigger: Trigger): Move {
  const move = decide(subscription, trigger);
  if (!move) throw new Error(`${subscription.status} refuses ${trigger.name}`);
  return move;
}

/** What is left after a history. */
export const after = (subscription: Subscription, ...history: Trigger[]): Subscription =>
  history.reduce((current, trigger) => when(current, trigger).after, subscription);

export const paid = (time: string, chargeVersion = 1): Trigger => ({ name: 'paid', at: at(time), chargeVersion });
export const short = (time: string, chargeVersion = 1): Trigger => ({
  name: 'short',
  at: at(time),
  chargeVersion,
  shortfallMinor: 299,
});
export const voided = (time: string, chargeVersion = 2): Trigger => ({ name: 'voided', at: at(time), chargeVersion });
export const on = (
  name:
    | 'due'
    | 'unanswered'
    | 'grace_ended'
    | 'incomplete_timeout'
    | 'period_ended'
    | 'cancel'
    | 'resume'
    | 'pause'
    | 'drop_change',
  time: string,
): Trigger => ({ name, at: at(time) });
export const cancelNow = (time: string, refund = true): Trigger => ({ name: 'cancel_now', at: at(time), refund });
export const notice = (time: string, nextTerms: Terms = MONTHLY): Trigger => ({
  name: 'notice',
  at: at(time),
  nextTerms,
});

/** What the wallet says of the charge for the period that starts there. */
export function answer<O extends WalletAnswer['outcome']>(
  subscription: Subscription,
  periodStart: Temporal.Instant,
  outcome: O,
  facts: { version: number; at: string },
): WalletAnswer {
  const said = {
    chargeId: chargeId(subscription.id, periodStart),
    subscriptionId: subscription.id,
    periodStart,
    amountMinor: subscription.terms.price.amount,
    currency: subscription.terms.price.currency,
    version: facts.version,
    at: at(facts.at),
  };
  return outcome === 'short'
    ? { ...said, outcome, shortfallMinor: 299, awaitingFunds: true }
    : { ...said, outcome: outcome as 'paid' | 'voided' };
}
