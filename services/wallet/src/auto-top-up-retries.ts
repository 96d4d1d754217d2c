import type { Currency } from '@evergreen/contracts/money.ts';
import { rest } from '@evergreen/service-kit/backoff.ts';
import { iso } from '@evergreen/service-kit/clock.ts';
import { inTransaction } from '@evergreen/service-kit/database.ts';
import type { FastifyBaseLogger } from 'fastify';
import type pg from 'pg';
import { type Refill, refillAccounts } from './auto-top-up.ts';
import { userAccountId } from './decisions/accounts.ts';
import { END_REST, FIND_RESTED } from './sql/auto-top-up.ts';
import { LOCK_ACCOUNTS } from './sql/lock-accounts.ts';

/*
 * Tries again for accounts whose rest is over, after a decline or at the cap. Each is looked at once: if charges still wait it
 * is topped up, or rests anew; else the rest just ends. Any number of replicas may do so, since each account is locked.
 */

const POLL_MS = 3_000;
const BATCH = 20;

interface RetryDeps extends Refill {
  pool: pg.Pool;
  logger: FastifyBaseLogger;
}

export function startAutoTopUpRetries(deps: RetryDeps): { wake(): void; stop(): Promise<void> } {
  const stopping = new AbortController();
  let nap = new AbortController();

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const found = await retryRested(deps).catch((err: unknown) => {
        deps.logger.warn({ err }, 'rested automatic top-ups could not be looked at, trying again');
        return 0;
      });
      if (found < BATCH) await rest(POLL_MS, AbortSignal.any([stopping.signal, nap.signal]));
      if (nap.signal.aborted) nap = new AbortController();
    }
  };
  const running = run();
  return {
    /** Looks now: the billing clock has moved. */
    wake: () => nap.abort(),
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

/** Accounts whose rest is over and that were not looked at yet. */
export async function countRested({ pool, clock }: Pick<RetryDeps, 'pool' | 'clock'>): Promise<number> {
  return (await findRested(pool, iso(await clock.now()))).length;
}

async function retryRested(deps: RetryDeps): Promise<number> {
  const now = iso(await deps.clock.now());
  const rested = await findRested(deps.pool, now);
  for (const { userId, currency } of rested) {
    await inTransaction(deps.pool, async (client) => {
      const accountId = userAccountId(userId, currency);
      await client.query({ ...LOCK_ACCOUNTS, values: [[accountId]] });
      await refillAccounts(client, [{ accountId, wasDebited: false }], deps);
      await client.query({ ...END_REST, values: [userId, currency, now] });
    });
  }
  return rested.length;
}

async function findRested(pool: pg.Pool, now: string): Promise<{ userId: string; currency: Currency }[]> {
  const { rows } = await pool.query<{ userId: string; currency: Currency }>({ ...FIND_RESTED, values: [now, BATCH] });
  return rows;
}
