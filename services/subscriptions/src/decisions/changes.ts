import { nextAskAt } from './ask-again.ts';
import { chargeFor, graceEnd, nextPeriod, paidPeriod } from './renewal.ts';
import { type PendingCharge, pendingCharge, periodInUse, type Subscription } from './subscription.ts';
import type { Trigger, TriggerName } from './triggers.ts';

/** How long a first payment is waited for, from when we know that the balance is short. */
export const INCOMPLETE_HOURS = 24;

/** What a move changes besides status and version. */
export type Changes = Partial<Omit<Subscription, 'id' | 'status' | 'version'>>;
export type Change<T extends TriggerName> = (subscription: Subscription, trigger: Trigger<T>) => Changes;

/** Asks for the money of the period that is due. */
export const askForNextPeriod: Change<'due'> = (subscription, { at }) => ({
  charge: chargeFor(subscription, nextPeriod(subscription, at), at),
});

/** The payment has bought a period. */
export const grantPeriod: Change<'paid'> = (subscription, { at }) => {
  const { id: chargeId, amountMinor } = pendingCharge(subscription);
  const { anchor, number, period } = paidPeriod(subscription, at);
  const paidParts = [{ chargeId, amountMinor, period }];
  return {
    anchor,
    periodNumber: number,
    currentPeriod: period,
    isTrial: false,
    paidParts,
    charge: null,
    graceEndsAt: null,
  };
};

/** The payment came before our asking to give it up: it has bought a period, the last one. */
export const grantLastPeriod: Change<'paid'> = (subscription, trigger) => {
  const granted = grantPeriod(subscription, trigger);
  return { ...granted, cancelAt: granted.currentPeriod?.end ?? null };
};

/** The same, and the period is kept whole for the end of the pause. */
export const keepPeriod: Change<'paid'> = (subscription, trigger) => ({
  ...grantPeriod(subscription, trigger),
  pausedAt: trigger.at,
});

/** The wallet keeps the charge and pays it from the next credit that covers it. */
export const noteShortfall: Change<'short'> = (subscription, { shortfallMinor }) => {
  const charge = pendingCharge(subscription);
  const isWaiting = charge.state === 'requested' || charge.state === 'waiting';
  return { charge: { ...charge, ...(isWaiting && { state: 'waiting', askAgainAt: null }), shortfallMinor } };
};

/** A first payment is waited for from now, so that a wallet that was away leaves as much time to pay as any other. */
export const startWaiting: Change<'short'> = (subscription, trigger) => ({
  ...noteShortfall(subscription, trigger),
  graceEndsAt: trigger.at.add({ hours: INCOMPLETE_HOURS }),
});

/** Reminders whose day passed before we knew are not caught up on. */
export const startGrace: Change<'short'> = (subscription, trigger) => ({
  ...noteShortfall(subscription, trigger),
  graceEndsAt: graceEnd(subscription, trigger.at),
  noticedAt: trigger.at,
});

/** Asked for once already, it goes on being asked for as it was; only what becomes of the money may be another thing now. */
export function givingUp(charge: PendingCharge, state: PendingCharge['state'], at: Temporal.Instant): PendingCharge {
  const isAsked = charge.state !== 'requested' && charge.state !== 'waiting' && charge.state !== 'change_requested';
  return isAsked ? { ...charge, state } : { ...charge, state, askedAt: at, askAgainAt: nextAskAt(at, at) };
}

/** Nothing ends before the wallet has said that the charge can never be paid any more. */
export const askForVoid: Change<'grace_ended' | 'incomplete_timeout'> = (subscription, { at }) => ({
  charge: givingUp(pendingCharge(subscription), 'voiding', at),
});

/** What was asked is asked again, word for word. The wallet answers how the charge stands, whether it heard it before or not. */
export const askAgain: Change<'unanswered'> = (subscription, { at }) => {
  const charge = pendingCharge(subscription);
  return { charge: { ...charge, askAgainAt: nextAskAt(charge.askedAt, at) } };
};

export const noteNotice: Change<'notice'> = (_subscription, { at }) => ({ noticedAt: at });

export const stopAtPeriodEnd: Change<'cancel'> = (subscription) => ({
  cancelAt: periodInUse(subscription).end,
  change: null,
});

/** What is paid for is over or never was, and money is being asked for: that is given up. */
export const stopWaiting: Change<'cancel'> = (subscription, { at }) => ({
  charge: givingUp(pendingCharge(subscription), 'voiding', at),
  cancelAt: at,
  pausedAt: null,
});

/** What is paid for runs to its end; the upgrade is given up, and made if the money came first. */
export const stopAndGiveUpgradeUp: Change<'cancel'> = (subscription, { at }) => ({
  charge: givingUp(pendingCharge(subscription), 'change_voiding', at),
  cancelAt: periodInUse(subscription).end,
});

const ENDED: Changes = { charge: null, change: null, graceEndsAt: null, pausedAt: null, paidParts: [] };

export const end: Change<'voided' | 'period_ended' | 'paid'> = () => ENDED;

export const stopNow: Change<'cancel_now'> = (_subscription, { at }) => ({ ...ENDED, cancelAt: at });

/** It ends now; should the wallet have been faster than we are, the money is given back. */
export const stopNowAndGiveUp: Change<'cancel_now'> = (subscription, { at }) => ({
  ...ENDED,
  charge: givingUp(pendingCharge(subscription), 'returning', at),
  cancelAt: at,
});

export const goOn: Change<'resume'> = () => ({ cancelAt: null });

/** The wallet has given the charge up that was asked for when the pause began. */
export const dropCharge: Change<'voided'> = () => ({ charge: null, graceEndsAt: null });
