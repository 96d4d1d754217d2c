import pg from 'pg';

/** A connection for a look into a database, in trials where servers die on purpose. */
export function openPool(databaseUrl: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 1 });
  pool.on('error', () => undefined);
  return pool;
}

/** The first column of what is found. */
export const column = async (pool: pg.Pool, sql: string, values: unknown[] = []): Promise<string[]> =>
  (await pool.query(sql, values)).rows.map((row) => Object.values(row)[0] as string);

export const countOf = async (pool: pg.Pool, sql: string): Promise<number> => Number((await column(pool, sql))[0]);
