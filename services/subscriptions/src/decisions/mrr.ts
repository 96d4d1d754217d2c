import type { Interval } from '@evergreen/contracts/http/subscriptions.ts';
import type { Subscription } from './subscription.ts';

/** Of a year of 365.25 days, in twelfths: a day is 12 / 365.25 of a month. */
const PERIODS_A_YEAR: Record<Interval['unit'], readonly [times: bigint, over: bigint]> = {
  day: [36_525n, 100n],
  week: [36_525n, 700n],
  month: [12n, 1n],
  year: [1n, 1n],
};

/**
 * What a subscription brings in a month, in minor units, halves up: its price over the length of its period while it is active or
 * waits for a top-up, else 0. A trial may never be paid, and what is canceled or paused brings nothing more for now.
 */
export function mrrMinor({ status, terms: { price, interval } }: Pick<Subscription, 'status' | 'terms'>): number {
  if (status !== 'active' && status !== 'pending_renewal') return 0;
  const [times, over] = PERIODS_A_YEAR[interval.unit];
  const [yearly, months] = [BigInt(price.amount) * times, 12n * over * BigInt(interval.count)];
  return Number((2n * yearly + months) / (2n * months));
}
