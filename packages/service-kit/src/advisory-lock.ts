import type pg from 'pg';

/**
 * Runs `work` unless another replica or request is at something under the same key. The lock is the connection's and dies
 * with it, and then `lost` aborts: another one may be at it by now.
 * @param key any integer, as long as nothing else in this database takes an advisory lock with it
 * @returns undefined when somebody else has the lock
 */
export async function whileLocked<T>(
  pool: pg.Pool,
  key: number,
  work: (lost: AbortSignal) => Promise<T>,
): Promise<{ result: T } | undefined> {
  const client = await pool.connect();
  const lost = new AbortController();
  let broken: Error | undefined;
  const onError = (error: Error) => {
    broken = error;
    lost.abort();
  };
  client.on('error', onError);
  try {
    const { rows } = await client.query<{ mine: boolean }>('SELECT pg_try_advisory_lock($1) AS mine', [key]);
    if (!rows[0]?.mine) return undefined;
    try {
      return { result: await work(lost.signal) };
    } finally {
      await client.query('SELECT pg_advisory_unlock($1)', [key]).catch(onError);
    }
  } finally {
    client.off('error', onError);
    client.release(broken);
  }
}
