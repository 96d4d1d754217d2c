import type pg from 'pg';
import { type Fault, type Outcome, outcomeOf, reachesCard } from './decisions/faults.ts';
import { nextAttempt } from './fault-setting.ts';
import type { Holds } from './holds.ts';

/** How an attempt ended: with a fault, before or after the decision was kept, or with the decision. */
export type Attempt<T> = {
  /** Its number under the seed, from 1. */
  attempt: number;
  /** It was decided by an earlier request with the same key. */
  isRepeat: boolean;
} & ({ fault: Fault; decided?: T } | { fault: undefined; decided: T });

/**
 * One attempt to pay or to refund: numbers it, lets its latency pass, and decides unless a fault ends it before. Repeats are
 * attempts of their own: they have faults too.
 * @param extraLatencyMs on top of what the setting says
 */
export async function runAttempt<T>(
  { pool, holds }: { pool: pg.Pool; holds: Holds },
  extraLatencyMs: number,
  decide: (outcome: Outcome) => Promise<{ decided: T; isRepeat: boolean }>,
): Promise<Attempt<T>> {
  const { attempt, faults } = await nextAttempt(pool);
  const outcome = outcomeOf(faults, attempt);
  const { fault } = outcome;
  await holds.pause(outcome.latencyMs + extraLatencyMs);
  if (!reachesCard(fault)) return { attempt, fault, isRepeat: false };
  return { attempt, fault, ...(await decide(outcome)) };
}
