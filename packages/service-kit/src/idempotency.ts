import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { Problem } from './problem.ts';
import { deleteInBatches, type PruningPool } from './pruning.ts';

/**
 * How long a running request keeps its key to itself. After a crash the next repeat takes it over; should the first run still
 * be alive then, the two share one resource id and one of them meets the other's row.
 */
const LOCK_SECONDS = 10;
/** Nobody repeats a request after so long; a key that comes later still is a new one. */
const KEEP_DAYS = 7;

// A request that was taken over is as old as its first run, and is left alone while it runs.
const PRUNE = {
  name: 'idempotency-prune',
  text: `DELETE FROM idempotency_key WHERE ctid = ANY (ARRAY(
           SELECT ctid FROM idempotency_key
           WHERE created_at < now() - $1 * interval '1 day'
             AND (status_code IS NOT NULL OR locked_until <= clock_timestamp())
           LIMIT $2 FOR UPDATE SKIP LOCKED))`,
};

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * The id of what an idempotent request creates. It is chosen with the key, before the work: a request that is run
     * again after a crash gets the same id, so the primary key of what it creates makes the second run harmless.
     */
    resourceId: string;
    /** Until when this request holds a key that it was the first to send; undefined when it has taken over an earlier run. */
    firstKeyLock?: string;
  }
}

interface KeyRow {
  request_hash: string;
  resource_id: string;
  status_code: number | null;
  body: string | null;
  location: string | null;
  locked: boolean;
  locked_until: Date;
}

/**
 * Route options that make a POST idempotent by its Idempotency-Key, per user, in table `idempotency_key`
 * (draft-ietf-httpapi-idempotency-key-header): missing 400, still running 409, another request 422, repeat the stored answer.
 * Spread it into a route behind `requireUser`: `{ ...idempotent(pool) }`. Answers of 429, and of 500 and above, are not kept. A route
 * that answers 429 has done nothing: the key of a first run is forgotten then, so that refusals fill no table.
 */
export function idempotent(pool: pg.Pool) {
  return {
    preHandler: (request: FastifyRequest, reply: FastifyReply) => claimKey(pool, request, reply),
    onSend: (request: FastifyRequest, reply: FastifyReply, payload: unknown) =>
      keepAnswer(pool, request, reply, payload),
  };
}

/**
 * Forgets keys older than `olderThanDays` with their answers, in batches short enough to disturb nobody. Requests that are
 * running keep theirs.
 * @returns how many were forgotten
 */
export const pruneIdempotencyKeys = (pool: PruningPool, olderThanDays = KEEP_DAYS): Promise<number> =>
  deleteInBatches(pool, PRUNE, [olderThanDays]);

async function claimKey(pool: pg.Pool, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const key = request.headers['idempotency-key'];
  if (typeof key !== 'string' || key === '') {
    throw new Problem('idempotency_key_missing', 'Send a new Idempotency-Key, such as a UUID, with each new request');
  }
  const owner = [request.caller.id, key];
  const hash = hashOf(request);
  const claimed = await pool.query<{ resource_id: string; lock: string }>({
    name: 'idempotency-claim',
    text: `INSERT INTO idempotency_key (user_id, key, request_hash, resource_id, locked_until)
           VALUES ($1, $2, $3, $4, clock_timestamp() + make_interval(secs => ${LOCK_SECONDS}))
           ON CONFLICT DO NOTHING RETURNING resource_id, locked_until::text AS lock`,
    values: [...owner, hash, uuidv7()],
  });
  if (claimed.rows[0]) {
    request.resourceId = claimed.rows[0].resource_id;
    request.firstKeyLock = claimed.rows[0].lock;
    return;
  }
  const { rows } = await pool.query<KeyRow>({
    name: 'idempotency-read',
    text: `SELECT request_hash, resource_id, status_code, body, location, locked_until,
                  locked_until > clock_timestamp() AS locked
           FROM idempotency_key WHERE user_id = $1 AND key = $2`,
    values: owner,
  });
  const row = rows[0];
  if (row && row.request_hash !== hash) throw new Problem('idempotency_key_reused');
  if (row?.status_code) return replay(reply, row);
  if (!row || row.locked || !(await takeOver(pool, owner, row))) {
    throw new Problem('idempotency_key_in_use', 'Repeat it in a moment to get its answer', { retryAfterSeconds: 1 });
  }
  request.resourceId = row.resource_id;
}

function replay(reply: FastifyReply, row: KeyRow): FastifyReply {
  if (row.location) reply.header('location', row.location);
  const type = (row.status_code ?? 0) >= 400 ? 'application/problem+json' : 'application/json; charset=utf-8';
  // A Buffer is sent as it is, so that the answer is the stored one to the byte.
  return reply
    .code(row.status_code ?? 200)
    .type(type)
    .header('idempotency-replayed', 'true')
    .send(Buffer.from(row.body ?? ''));
}

async function takeOver(pool: pg.Pool, owner: string[], row: KeyRow): Promise<boolean> {
  const { rowCount } = await pool.query(
    `UPDATE idempotency_key SET locked_until = clock_timestamp() + make_interval(secs => ${LOCK_SECONDS})
     WHERE user_id = $1 AND key = $2 AND status_code IS NULL AND locked_until <= clock_timestamp() AND request_hash = $3`,
    [...owner, row.request_hash],
  );
  return rowCount === 1;
}

async function keepAnswer(
  pool: pg.Pool,
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
): Promise<unknown> {
  if (!request.resourceId) return payload;
  await pool
    .query(keepingQuery(request, reply, payload))
    // The work is done and committed: an answer that cannot be kept is still the answer. A repeat runs again, on the same id.
    .catch((err: unknown) => request.log.error({ err }, 'idempotent answer not kept'));
  return payload;
}

/** A refusal that is over in a moment must not be the answer for ever. */
function keepingQuery(request: FastifyRequest, reply: FastifyReply, payload: unknown) {
  const owner = [request.caller.id, request.headers['idempotency-key']];
  if (reply.statusCode < 500 && reply.statusCode !== 429) {
    const values = [...owner, reply.statusCode, String(payload ?? ''), reply.getHeader('location') ?? null];
    const text =
      'UPDATE idempotency_key SET status_code = $3, body = $4, location = $5 WHERE user_id = $1 AND key = $2';
    return { text, values };
  }
  // An earlier run, or one that has taken over meanwhile, may have made something under the id that the row knows.
  if (reply.statusCode === 429 && request.firstKeyLock !== undefined) {
    const text =
      'DELETE FROM idempotency_key WHERE user_id = $1 AND key = $2 AND status_code IS NULL AND locked_until = $3::timestamptz';
    return { text, values: [...owner, request.firstKeyLock] };
  }
  return {
    text: 'UPDATE idempotency_key SET locked_until = clock_timestamp() WHERE user_id = $1 AND key = $2',
    values: owner,
  };
}

function hashOf(request: FastifyRequest): string {
  const path = request.url.split('?', 1)[0];
  return createHash('sha256')
    .update(`${request.method} ${path}\n${canonical(request.body)}`)
    .digest('hex');
}

/** JSON with its keys in order, so that two spellings of one request are one request. */
function canonical(value: unknown): string {
  return JSON.stringify(value ?? null, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
