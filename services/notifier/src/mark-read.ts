import { NotificationsRead } from '@evergreen/contracts/events/notifier.ts';
import { type Clock, iso } from '@evergreen/service-kit/clock.ts';
import { inTransaction } from '@evergreen/service-kit/database.ts';
import { newEvent } from '@evergreen/service-kit/events.ts';
import { appendToOutbox } from '@evergreen/service-kit/outbox.ts';
import { Problem } from '@evergreen/service-kit/problem.ts';
import type pg from 'pg';

export interface MarkDeps {
  pool: pg.Pool;
  clock: Clock;
  wakeOutbox: () => void;
}

/** Who marks, and the request that asked for it. */
export interface Marking {
  userId: string;
  correlationId: string;
}

/** Ids in one event, so that it stays far below the largest message. */
const MAX_IDS = 1_000;

/**
 * Marks one notification read. One that is read already stays as it is, and nobody is told.
 * @throws Problem not_found when this user has no such notification
 */
export async function markRead(deps: MarkDeps, marking: Marking, id: string): Promise<void> {
  await mark(deps, marking, 'some', async (client, readAt) => {
    const seq = await seqOf(client, marking.userId, id);
    const { rows } = await client.query<{ id: string }>(
      'UPDATE notification SET read_at = $3 WHERE user_id = $1 AND seq = $2 AND read_at IS NULL RETURNING id',
      [marking.userId, seq, readAt],
    );
    return rows.map((row) => row.id);
  });
}

/**
 * Marks everything read, or everything up to the newest notification the client has seen, so that one which arrives
 * meanwhile stays unread.
 * @returns how many are unread afterwards
 * @throws Problem not_found when `upTo` is not a notification of this user
 */
export async function markAllRead(deps: MarkDeps, marking: Marking, upTo?: string): Promise<number> {
  return mark(deps, marking, upTo === undefined ? 'all' : 'some', async (client, readAt) => {
    const upToSeq = upTo === undefined ? null : await seqOf(client, marking.userId, upTo);
    const { rows } = await client.query<{ id: string }>(
      `UPDATE notification SET read_at = $2
       WHERE user_id = $1 AND read_at IS NULL AND ($3::bigint IS NULL OR seq <= $3) RETURNING id`,
      [marking.userId, readAt, upToSeq],
    );
    return rows.map(({ id }) => id);
  });
}

/** Holds the mailbox while `update` marks in it, and tells the sockets when that changed something. */
async function mark(
  { pool, clock, wakeOutbox }: MarkDeps,
  { userId, correlationId }: Marking,
  scope: 'some' | 'all',
  update: (client: pg.PoolClient, readAt: string) => Promise<string[]>,
): Promise<number> {
  const readAt = iso(await clock.now());
  const { unreadCount, changed } = await inTransaction(pool, async (client) => {
    await client.query('SELECT 1 FROM mailbox WHERE user_id = $1 FOR UPDATE', [userId]);
    const ids = await update(client, readAt);
    const { rows } = await client.query<{ count: number }>(
      'SELECT count(*)::int AS count FROM notification WHERE user_id = $1 AND read_at IS NULL',
      [userId],
    );
    const unreadCount = rows[0]?.count ?? 0;
    const parts = scope === 'all' ? [[]] : partsOf(ids);
    if (ids.length > 0) await tellRead(client, { userId, correlationId, parts, unreadCount, readAt });
    return { unreadCount, changed: ids.length > 0 };
  });
  if (changed) wakeOutbox();
  return unreadCount;
}

interface ReadFacts extends Marking {
  /** Ids, an event's worth each; one empty part stands for all. */
  parts: string[][];
  unreadCount: number;
  readAt: string;
}

async function tellRead(
  client: pg.PoolClient,
  { userId, correlationId, parts, unreadCount, readAt }: ReadFacts,
): Promise<void> {
  const { rows } = await client.query<{ version: number }>(
    'UPDATE mailbox SET version = version + $2 WHERE user_id = $1 RETURNING version',
    [userId, parts.length],
  );
  const before = (rows[0]?.version ?? parts.length) - parts.length;
  await appendToOutbox(
    client,
    parts.map((part, index) =>
      newEvent(NotificationsRead, {
        subject: userId,
        time: readAt,
        correlationId,
        data: { userId, version: before + index + 1, ids: part, all: part.length === 0, unreadCount, readAt },
      }),
    ),
  );
}

async function seqOf(client: pg.PoolClient, userId: string, id: string): Promise<number> {
  const { rows } = await client.query<{ seq: number }>('SELECT seq FROM notification WHERE user_id = $1 AND id = $2', [
    userId,
    id,
  ]);
  const [found] = rows;
  if (!found) throw new Problem('not_found', 'You have no such notification');
  return found.seq;
}

const partsOf = (ids: string[]): string[][] =>
  Array.from({ length: Math.ceil(ids.length / MAX_IDS) }, (_, index) =>
    ids.slice(index * MAX_IDS, (index + 1) * MAX_IDS),
  );
