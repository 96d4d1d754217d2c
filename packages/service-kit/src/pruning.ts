import type { Pool, QueryConfig } from 'pg';
import type { Logger } from 'pino';
import { endOf, rest } from './backoff.ts';

/** Short enough to disturb nobody. */
const BATCH_ROWS = 5_000;
const INTERVAL_MS = 3_600_000;

export type PruningPool = Pick<Pool, 'query'>;

/**
 * Runs a DELETE batch by batch, until one comes back short.
 * @param query takes the number of rows of a batch as its last parameter, after `values`
 * @returns how many rows were deleted
 */
export async function deleteInBatches(
  pool: PruningPool,
  query: Pick<QueryConfig, 'name' | 'text'>,
  values: readonly unknown[],
): Promise<number> {
  let deleted = 0;
  for (;;) {
    const { rowCount } = await pool.query({ ...query, values: [...values, BATCH_ROWS] });
    deleted += rowCount ?? 0;
    if ((rowCount ?? 0) < BATCH_ROWS) return deleted;
  }
}

/**
 * Prunes about once an hour, at a time of each replica's own. What fails is logged, keeps nothing else from being pruned,
 * and is tried again with the next hour.
 * @param prunes by the name of what is pruned; each answers how many rows went
 */
export function startPruning(
  logger: Logger,
  prunes: Record<string, () => Promise<number>>,
  intervalMs = INTERVAL_MS,
): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const run = async () => {
    while (!stopping.signal.aborted) {
      await rest(intervalMs * (0.5 + Math.random()), stopping.signal);
      for (const [what, prune] of Object.entries(prunes)) {
        if (stopping.signal.aborted) return;
        await prune().then(
          (pruned) => logger.debug({ what, pruned }, 'pruned'),
          (err: unknown) => logger.warn({ what, err }, 'could not be pruned'),
        );
      }
    }
  };
  const running = run();
  return {
    async stop() {
      stopping.abort();
      await endOf(running, 5_000);
    },
  };
}
