import { earlier, later, msBetween } from './periods.ts';
import type { PaidPart, Period } from './subscription.ts';

/** The part of a price that a part of its time costs. */
export interface Share {
  /** Milliseconds that count. */
  readonly partMs: number;
  /** Milliseconds the whole price is for; above zero. */
  readonly wholeMs: number;
  /** Minor units, halves up. */
  readonly amountMinor: number;
}

/**
 * `amountMinor` x part / whole, where part is what of `whole` lies between `from` and its end. In whole numbers throughout,
 * so no amount and no length of time is too large to be exact.
 * @param amountMinor zero or above
 */
export function shareOf(amountMinor: number, whole: Period, from: Temporal.Instant): Share {
  const wholeMs = msBetween(whole.start, whole.end);
  const partMs = msBetween(earlier(later(from, whole.start), whole.end), whole.end);
  const [part, all] = [BigInt(partMs), BigInt(wholeMs)];
  return { partMs, wholeMs, amountMinor: Number((2n * BigInt(amountMinor) * part + all) / (2n * all)) };
}

/** What is unused of a payment at `at`. */
export const unusedOf = ({ amountMinor, period }: PaidPart, at: Temporal.Instant): Share =>
  shareOf(amountMinor, period, at);
