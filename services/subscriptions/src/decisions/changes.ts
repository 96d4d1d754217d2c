import { nextReminder } from './reminder.ts';
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
  const { anchor, number, period } = paidPeriod(subscription, at);
  return { anchor, periodNumber: number, currentPeriod: period, charge: null, graceEndsAt: null };
};

/** The payment came before our asking to give it up: it has bought a period, the last one. */
export const grantLastPeriod: Change<'paid'> = (subscription, trigger) => {
  const granted = grantPeriod(subscription, trigger);
  return { ...granted, cancelAt: granted.currentPeriod?.end ?? null };
};

/** The wallet keeps the charge and pays it from the next credit that covers it. */
export const noteShortfall: Change<'short'> = (subscription, { shortfallMinor }) => {
  const charge = pendingCharge(subscription);
  if (charge.state === 'voiding') return { charge: { ...charge, shortfallMinor } };
  return { charge: { ...charge, state: 'waiting', remindAt: null, shortfallMinor } };
};

/** A first payment is waited for from now, so that a wallet that was away leaves as much time to pay as any other. */
export const startWaiting: Change<'short'> = (subscription, trigger) => ({
  ...noteShortfall(subscription, trigger),
  graceEndsAt: trigger.at.add({ hours: INCOMPLETE_HOURS }),
});

export const startGrace: Change<'short'> = (subscription, trigger) => ({
  ...noteShortfall(subscription, trigger),
  graceEndsAt: graceEnd(subscription, trigger.at),
});

function voiding(charge: PendingCharge, at: Temporal.Instant): PendingCharge {
  if (charge.state === 'voiding') return charge;
  return { ...charge, state: 'voiding', askedAt: at, remindAt: nextReminder(at, at) };
}

/** Nothing ends before the wallet has said that the charge can never be paid any more. */
export const askForVoid: Change<'grace_ended' | 'incomplete_timeout'> = (subscription, { at }) => ({
  charge: voiding(pendingCharge(subscription), at),
});

/** What was asked is asked again, word for word. The wallet answers how the charge stands, whether it heard it before or not. */
export const askAgain: Change<'unanswered'> = (subscription, { at }) => {
  const charge = pendingCharge(subscription);
  return { charge: { ...charge, remindAt: nextReminder(charge.askedAt, at) } };
};

export const stopAtPeriodEnd: Change<'cancel'> = (subscription) => ({ cancelAt: periodInUse(subscription).end });

/** What is paid for is over or never was, and money is being asked for: that is given up. */
export const stopWaiting: Change<'cancel'> = (subscription, { at }) => ({
  charge: voiding(pendingCharge(subscription), at),
  cancelAt: at,
});

export const goOn: Change<'resume'> = () => ({ cancelAt: null });

export const end: Change<'voided' | 'period_ended'> = () => ({ charge: null, graceEndsAt: null });
