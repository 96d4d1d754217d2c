import type { Clock } from '@evergreen/service-kit/clock.ts';
import { inOwnTraces, TRANSACTION_SPAN } from '@evergreen/service-kit/tracing.ts';
import { isTransient } from '@evergreen/service-kit/transience.ts';
import type { Logger } from 'pino';
import { Counter, type Registry } from 'prom-client';
import { v7 as uuidv7 } from 'uuid';
import { readNow } from './business-time.ts';
import type { CatchUpProgress } from './catch-up-progress.ts';
import { movesByTime } from './decisions/by-time.ts';
import type { CausedMove } from './decisions/move.ts';
import type { Subscription, Terms } from './decisions/subscription.ts';
import type { SubscriptionStore } from './subscription-store.ts';

/** Subscriptions taken in one transaction. */
export const SWEEP_BATCH = 200;
/** How long a subscription that cannot be moved is left alone, so that it does not hold up the others. */
const REST_MS = 60_000;
/** When so many rest, it is not about single subscriptions any more, and the scheduler backs off. */
const MAX_RESTING = 1_000;

export interface SweepDeps {
  store: SubscriptionStore;
  clock: Clock;
  progress: CatchUpProgress;
  logger: Logger;
  metrics: Registry;
}

/**
 * One sweep: takes a batch of due subscriptions and does what is due. Any number may run at once, here and in other replicas.
 * When a batch fails, its subscriptions are taken one by one, and the one that fails alone rests a minute.
 * @returns the sweep, which answers whether there may be more to do at once; it throws when the database is away
 */
export function createSweep({ store, clock, progress, logger, metrics }: SweepDeps): () => Promise<boolean> {
  const failed = new Counter({
    name: 'evergreen_subscriptions_sweep_failures_total',
    help: 'Times a due subscription could not be moved and was left alone for a minute',
    registers: [metrics],
  });
  const sweeps = new Counter({
    name: 'evergreen_subscriptions_sweeps_total',
    help: 'Times a scheduler looked for due subscriptions, also when there were none or it was paused',
    registers: [metrics],
  });
  const swept = new Counter({
    name: 'evergreen_subscriptions_swept_total',
    help: 'Due subscriptions taken and moved',
    registers: [metrics],
  });
  const restingUntilMs = new Map<string, number>();
  let singlesToGo = 0;

  return async () => {
    const startedMs = performance.now();
    const limit = singlesToGo > 0 ? 1 : SWEEP_BATCH;
    const now = await readNow(clock);
    let taken: string[] = [];
    try {
      const due = { now, limit, except: resting(restingUntilMs) };
      const moves = await inOwnTraces('sweep', TRANSACTION_SPAN, (begin) =>
        store.updateDue(due, (locked, newTerms) => {
          taken = [...locked.keys()];
          const decided = [...locked.values()].map((one) => causedMoves(one, now, newTerms.get(one.id) ?? null));
          begin(decided.flatMap(storyOf));
          return decided.flat();
        }),
      );
      if (moves.length > 0) logger.info({ moved: moves.length, now: String(now) }, 'swept');
      const isFull = taken.length === limit;
      singlesToGo = isFull ? Math.max(0, singlesToGo - 1) : 0;
      sweeps.inc();
      swept.inc(taken.length);
      await progress.note({ size: taken.length, startedMs, mayBeMore: isFull });
      return isFull;
    } catch (error) {
      const [only, ...others] = taken;
      if (isTransient(error) || only === undefined || restingUntilMs.size >= MAX_RESTING) throw error;
      logger.error({ err: error, subscriptionId: only, subscriptions: taken.length }, 'due subscriptions not moved');
      if (others.length > 0) {
        singlesToGo = taken.length;
      } else {
        restingUntilMs.set(only, performance.now() + REST_MS);
        failed.inc();
      }
      return true;
    }
  };
}

/** Each subscription begins a story of its own, so each has its own correlation id. */
function causedMoves(subscription: Subscription, now: Temporal.Instant, newTerms: Terms | null): CausedMove[] {
  const id = uuidv7();
  const cause = { type: 'schedule', id, correlationId: id };
  return movesByTime(subscription, now, newTerms).map((move) => ({ ...move, cause }));
}

/** Each is a trace of its own too, named for what time brought about. */
function storyOf([first]: CausedMove[]) {
  if (!first) return [];
  const { cause, trigger, after } = first;
  return [
    { id: cause.correlationId, name: `subscription ${trigger}`, attributes: { 'evergreen.subscription.id': after.id } },
  ];
}

function resting(untilMs: Map<string, number>): string[] {
  const nowMs = performance.now();
  for (const [id, until] of untilMs) if (until <= nowMs) untilMs.delete(id);
  return [...untilMs.keys()];
}
