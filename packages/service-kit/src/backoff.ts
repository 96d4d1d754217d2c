import { setTimeout as sleep } from 'node:timers/promises';

/**
 * How long to rest before the next try: anything between nothing and a bound that doubles with each failure. The full
 * spread keeps those who failed together from coming back together.
 * @param failures tries that failed so far, 1 or more
 * @returns milliseconds, 1 to `capMs`
 */
export function fullJitterMs(failures: number, baseMs: number, capMs: number): number {
  const boundMs = Math.min(capMs, baseMs * 2 ** Math.min(failures - 1, 30));
  return Math.ceil((1 - Math.random()) * boundMs);
}

/** Waits, and returns early when the signal aborts; it never throws. */
export async function rest(durationMs: number, signal?: AbortSignal): Promise<void> {
  await sleep(durationMs, undefined, signal && { signal }).catch(() => {});
}

/** Waits for something to end, but no longer than `timeoutMs`. How it ended is for others to see; this never throws. */
export async function endOf(work: Promise<unknown>, timeoutMs: number): Promise<void> {
  const timer = new AbortController();
  await Promise.race([work.catch(() => {}), rest(timeoutMs, timer.signal)]);
  timer.abort();
}

/** @throws Error when the work has not ended after `timeoutMs`; the work itself goes on */
export async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
