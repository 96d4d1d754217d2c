import { chargeFor, graceEnd, nextPeriod, paidPeriod } from './renewal.ts';
import { type PendingCharge, pendingCharge, periodInUse, type Subscription } from './subscription.ts';
import type { Trigger, TriggerName } from './triggers.ts';

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
  const state = charge.state === 'voiding' ? 'voiding' : 'waiting';
  return { charge: { ...charge, state, shortfallMinor } };
};

export const startGrace: Change<'short'> = (subscription, trigger) => ({
  ...noteShortfall(subscription, trigger),
  graceEndsAt: graceEnd(subscription),
});

const voiding = (charge: PendingCharge): PendingCharge => ({ ...charge, state: 'voiding' });

/** Nothing ends before the wallet has said that the charge can never be paid any more. */
export const askForVoid: Change<'grace_ended' | 'incomplete_timeout'> = (subscription) => ({
  charge: voiding(pendingCharge(subscription)),
});

export const stopAtPeriodEnd: Change<'cancel'> = (subscription) => ({ cancelAt: periodInUse(subscription).end });

/** What is paid for is over or never was, and money is being asked for: that is given up. */
export const stopWaiting: Change<'cancel'> = (subscription, { at }) => ({
  charge: voiding(pendingCharge(subscription)),
  cancelAt: at,
});

export const goOn: Change<'resume'> = () => ({ cancelAt: null });

export const end: Change<'voided' | 'period_ended'> = () => ({ charge: null, graceEndsAt: null });
