import type { Change, Changes } from './changes.ts';
import { givingUp } from './changes.ts';
import { later, msBetween, nthPeriod, shifted } from './periods.ts';
import { chargeFor } from './renewal.ts';
import { BEFORE_ANCHOR, pendingCharge, periodInUse, type Subscription } from './subscription.ts';

/** The clock of what is paid for stands still. */
export const pauseNow: Change<'pause'> = (subscription, { at }) => ({
  // A period may have started between the reading of the clock and this.
  pausedAt: later(at, periodInUse(subscription).start),
});

/** What was paid for is over, and the money for more is not waited for. Should it have come first, it buys a period for later. */
export const pauseAndStopWaiting: Change<'pause'> = (subscription, { at }) => {
  const charge = givingUp(pendingCharge(subscription), 'voiding', at);
  return { charge, pausedAt: at, graceEndsAt: null };
};

/** The time that was left runs on: the period ends as much later as the pause was long, and the calendar starts anew there. */
export const endPause: Change<'resume'> = (subscription, { at }) => movedBy(subscription, at);

/** The same, to its end and no further. */
export const endPauseAndStop: Change<'cancel'> = (subscription, { at }) => {
  const moved = movedBy(subscription, at);
  return { ...moved, change: null, cancelAt: moved.currentPeriod?.end ?? at };
};

/** Nothing was left: there is nothing to run on. */
export const stopAfterPause: Change<'cancel'> = (_subscription, { at }) => ({
  pausedAt: null,
  change: null,
  cancelAt: at,
});

/**
 * Nothing was left, so a period has to be paid first, as at the very beginning; on the plan that was chosen for the next one, if any.
 * It never starts where the last one ended: the charge for that was given up, and can never be paid.
 */
export const payAfterPause: Change<'resume'> = (subscription, { at: now }) => {
  const { id, timeZone, change } = subscription;
  const at = later(now, periodInUse(subscription).end.add({ milliseconds: 1 }));
  const terms = change ?? subscription.terms;
  const period = nthPeriod({ anchor: at, interval: terms.interval, timeZone }, 0);
  return {
    ...{
      terms,
      change: null,
      anchor: at,
      periodNumber: BEFORE_ANCHOR,
      currentPeriod: null,
      isTrial: false,
      paidParts: [],
    },
    ...{ pausedAt: null, charge: chargeFor({ id, terms }, { number: 0, period }, at) },
  };
};

function movedBy(subscription: Subscription, at: Temporal.Instant): Changes {
  const { pausedAt, paidParts } = subscription;
  const pauseMs = pausedAt ? msBetween(pausedAt, at) : 0;
  const currentPeriod = shifted(periodInUse(subscription), pauseMs);
  return {
    currentPeriod,
    paidParts: paidParts.map((part) => ({ ...part, period: shifted(part.period, pauseMs) })),
    anchor: currentPeriod.end,
    periodNumber: BEFORE_ANCHOR,
    pausedAt: null,
  };
}
