import { later } from './periods.ts';

/** How long an answer of the wallet is waited for before the same is asked again, for the first time. */
export const FIRST_WAIT_MINUTES = 10;
/** The wait doubles each time, up to this. */
export const MAX_WAIT_MINUTES = 6 * 60;

/**
 * When to ask the wallet again if it has not answered: a message may have been lost, or set aside as a dead letter, and
 * then nobody else would ever speak of this charge again. The wait is as long as the one so far, so it doubles.
 * @param askedAt when it was asked for the first time
 * @param now when it was asked last
 */
export function nextAskAt(askedAt: Temporal.Instant, now: Temporal.Instant): Temporal.Instant {
  const waitedMs =
    now.epochMilliseconds - later(askedAt, now.subtract({ minutes: MAX_WAIT_MINUTES })).epochMilliseconds;
  return now.add({ milliseconds: Math.max(waitedMs, FIRST_WAIT_MINUTES * 60_000) });
}
