import type { Change } from './changes.ts';
import { BEFORE_ANCHOR, periodInUse } from './subscription.ts';

/** The days in between are free, and the next period starts where they end. */
export const extendPeriod: Change<'extend'> = (subscription, { until }) => ({
  currentPeriod: { ...periodInUse(subscription), end: until },
  anchor: until,
  periodNumber: BEFORE_ANCHOR,
  cancelAt: subscription.cancelAt && until,
});

/** More time to pay. */
export const extendGrace: Change<'extend'> = (_subscription, { until }) => ({ graceEndsAt: until });
