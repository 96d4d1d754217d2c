import { fullJitterMs, rest } from '@evergreen/service-kit/backoff.ts';
import type { Logger } from 'pino';

/*
 * Sweeps continuously, in every replica:
 *
 *   sweeping -> sweeping   while there may be more to do
 *            -> napping    when nothing is due; until the next poll, or until woken
 *            -> backing off -> sweeping   when the database is away
 *   and from each of them: stopped
 */

const POLL_MS = 250;
const BACKOFF_MS = 250;
const MAX_BACKOFF_MS = 10_000;

export interface Scheduler {
  /** Looks for due work now and not with the next poll. */
  wake(): void;
  /** Finishes the batch in hand. */
  stop(): Promise<void>;
}

/** Runs `sweep` from now until stopped; `sweep` answers whether there may be more to do at once. */
export function startScheduler(sweep: () => Promise<boolean>, logger: Logger): Scheduler {
  const stopping = new AbortController();
  let nap = new AbortController();

  async function run(): Promise<void> {
    for (let failures = 0; !stopping.signal.aborted; ) {
      nap = new AbortController();
      try {
        const mayBeMore = await sweep();
        failures = 0;
        // The spread keeps replicas from polling in step.
        const napMs = POLL_MS * (0.5 + Math.random());
        if (!mayBeMore) await rest(napMs, AbortSignal.any([nap.signal, stopping.signal]));
      } catch (err) {
        const delayMs = fullJitterMs(++failures, BACKOFF_MS, MAX_BACKOFF_MS);
        logger.warn({ err, failures, delayMs }, 'cannot sweep, trying again');
        await rest(delayMs, stopping.signal);
      }
    }
  }

  const running = run();
  return {
    wake: () => nap.abort(),
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
