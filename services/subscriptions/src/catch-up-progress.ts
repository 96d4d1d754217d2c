import type { Logger } from 'pino';

/*
 * Tells in the log how a scheduler catches up:
 *
 *   idle -> behind        after two full batches in a row: one may be what fell due in one moment
 *   behind -> behind      one line every few seconds
 *   behind -> idle        after a batch that was not full, with one line at the end; what is due by then is in other hands,
 *                         rests because it cannot be moved, or waits for an operator who has paused the schedulers
 */

const TELL_EVERY_MS = 5_000;
const FULL_BATCHES_BEFORE = 2;

export interface CatchUpProgress {
  /** Notes a batch of `size` subscriptions after its transaction, which began at `startedMs` of the process' own clock. */
  note(batch: { size: number; startedMs: number; mayBeMore: boolean }): Promise<void>;
}

/** @param countDue reads every due row, so it is asked only when a line is written */
export function createCatchUpProgress(deps: { countDue: () => Promise<number>; logger: Logger }): CatchUpProgress {
  const { countDue, logger } = deps;
  let fullBatches = 0;
  let swept = 0;
  let beganMs = 0;
  let toldMs: number | undefined;

  async function tell(message: string): Promise<void> {
    const nowMs = performance.now();
    toldMs = nowMs;
    const seconds = (nowMs - beganMs) / 1_000;
    const figures = { swept, seconds: Math.round(seconds), perSecond: Math.round(swept / seconds) };
    try {
      logger.info({ ...figures, due: await countDue() }, message);
    } catch (err) {
      // The batch is done and committed, whatever becomes of a line in the log.
      logger.warn({ ...figures, err }, `${message}; what is due cannot be counted`);
    }
  }

  return {
    async note({ size, startedMs, mayBeMore }) {
      if (fullBatches === 0) beganMs = startedMs;
      swept += size;
      if (mayBeMore) {
        fullBatches++;
        const isTimeToTell = toldMs === undefined || performance.now() - toldMs >= TELL_EVERY_MS;
        if (fullBatches >= FULL_BATCHES_BEFORE && isTimeToTell) await tell('catching up');
        return;
      }
      if (toldMs !== undefined) await tell('caught up');
      fullBatches = 0;
      swept = 0;
      toldMs = undefined;
    },
  };
}
