import { earlier, later, msBetween } from './periods.ts';
import type { PaidPart, Period } from './subscription.ts';

/** The part of a price that a part of its time costs. */
export interface Share {
  /** Milliseconds that count. */
  readonly partMs: number;
  /** Milliseconds the whole price is for; above zero. */
  readonly wholeMs: number;
  /** Minor units. */
  readonly amountMinor: number;
}

/**
 * `amountMinor` x part / whole, where part is what of `whole` lies between `from` and its end. In whole numbers throughout,
 * so no amount and no length of time is too large to be exact.
 * @param amountMinor zero or above
 */
export const shareOf = (amountMinor: number, whole: Period, from: Temporal.Instant): Share =>
  share(amountMinor, whole, from, 'halves up');

/** What is unused of a payment at `at`, rounded down: time that was used is never free, however short it was. */
export const unusedOf = ({ amountMinor, period }: PaidPart, at: Temporal.Instant): Share =>
  share(amountMinor, period, at, 'down');

function share(amountMinor: number, whole: Period, from: Temporal.Instant, rounding: 'halves up' | 'down'): Share {
  const wholeMs = msBetween(whole.start, whole.end);
  const partMs = msBetween(earlier(later(from, whole.start), whole.end), whole.end);
  const [product, all] = [BigInt(amountMinor) * BigInt(partMs), BigInt(wholeMs)];
  const rounded = rounding === 'down' ? product / all : (2n * product + all) / (2n * all);
  return { partMs, wholeMs, amountMinor: Number(rounded) };
}
