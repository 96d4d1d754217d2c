import { setTimeout as pause } from 'node:timers/promises';
import type { FastifyBaseLogger } from 'fastify';
import pg from 'pg';
import { messageOf } from './error-message.ts';
import { asStep, TRANSACTION_SPAN } from './tracing.ts';

const CONNECT_TIMEOUT_MS = 5_000;
const STATEMENT_TIMEOUT_MS = 30_000;
/** The server ends a statement that takes too long. This ends one whose server has gone without a word. */
const QUERY_TIMEOUT_MS = 35_000;
const KEEP_ALIVE_AFTER_MS = 10_000;
const TRANSACTION_TRIES = 5;

/** Amounts are below 2^53, so a bigint column becomes a number, or an error rather than a rounded amount. */
function parseBigint(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} does not fit in a JavaScript integer`);
  return value;
}

/**
 * The service's one pool. Prisma's adapter runs on the same pool, and reads columns with parsers of its own.
 * @param max connections, 2 to 200
 */
export function openPool(options: { url: string; max: number; service: string; logger: FastifyBaseLogger }): pg.Pool {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.max,
    application_name: options.service,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
    idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
    types: {
      getTypeParser: (oid: number, format?: string) =>
        oid === pg.types.builtins.INT8 && format !== 'binary'
          ? parseBigint
          : pg.types.getTypeParser(oid as never, format as never),
    } as never,
  });
  // Without a listener a connection that dies while idle would end the process.
  pool.on('error', (err) => options.logger.warn({ err }, 'idle database connection lost'));
  return pool;
}

/** 40001 serialization_failure and 40P01 deadlock_detected: nothing happened, and the same work may be tried again. */
const isRetriable = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === '40001' || error.code === '40P01');

/**
 * Runs `work` in one READ COMMITTED transaction: all of it happens, or none. After a deadlock it runs again, up to
 * 5 times, so `work` must not keep state of its own or touch the network.
 */
export async function inTransaction<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await asStep('transaction', TRANSACTION_SPAN, () => transactOnce(pool, work));
    } catch (error) {
      if (!isRetriable(error) || attempt === TRANSACTION_TRIES) throw error;
      await pause(Math.random() * 20 * 2 ** attempt);
    }
  }
}

const afterCommits = new WeakMap<pg.ClientBase, (() => void)[]>();

/** Calls back once the transaction that `client` is in has committed, and never if it does not. What it throws is a warning of the process. */
export function afterCommit(client: pg.ClientBase, then: () => void): void {
  const callbacks = afterCommits.get(client);
  if (!callbacks) throw new Error('there is no transaction to wait for');
  callbacks.push(then);
}

async function transactOnce<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  const onError = (error: Error) => {
    broken = error;
  };
  client.on('error', onError);
  const callbacks: (() => void)[] = [];
  afterCommits.set(client, callbacks);
  let result: T;
  try {
    await client.query('BEGIN');
    result = await work(client);
    await client.query('COMMIT');
  } catch (error) {
    // A connection that cannot even roll back is thrown away; the server rolls back when it sees it gone.
    await client.query('ROLLBACK').catch((rollbackError) => {
      broken = rollbackError;
    });
    throw error;
  } finally {
    afterCommits.delete(client);
    client.off('error', onError);
    client.release(broken);
  }
  for (const callback of callbacks) callBack(callback);
  return result;
}

/** What is committed stays so, whatever a callback makes of it. */
function callBack(callback: () => void): void {
  try {
    callback();
  } catch (error) {
    process.emitWarning(`what was to follow a commit failed: ${messageOf(error)}`);
  }
}
