import { setTimeout as delay } from 'node:timers/promises';

export interface ConditionOptions {
  timeoutMs: number;
  intervalMs?: number;
  /** Said in the error when the time is up. */
  what: string;
  /** Ends the wait early by throwing, for example because the awaited process has died. */
  giveUp?: () => void;
}

/**
 * Polls until `probe` returns a value other than undefined and answers with it. An exception in the probe counts as
 * "not yet"; the last one is the cause of the error that is thrown after `timeoutMs`.
 */
export async function awaitCondition<T>(probe: () => Promise<T | undefined>, options: ConditionOptions): Promise<T> {
  const deadline = performance.now() + options.timeoutMs;
  let lastError: unknown;
  while (performance.now() < deadline) {
    options.giveUp?.();
    try {
      const value = await probe();
      if (value !== undefined) return value;
    } catch (error) {
      lastError = error;
    }
    await delay(options.intervalMs ?? 100);
  }
  throw new Error(`${options.what} took more than ${options.timeoutMs / 1000} s`, { cause: lastError });
}
