import type { Notification, NotificationQuery } from '@evergreen/contracts/http/notifications.ts';
import type { Caller } from '@evergreen/service-kit/auth.ts';
import { decodeCursor, pageOf } from '@evergreen/service-kit/page.ts';
import { Problem } from '@evergreen/service-kit/problem.ts';
import type pg from 'pg';
import { toNotification } from './decisions/notification.ts';
import { type Writer, writerFor } from './decisions/texts.ts';
import type { PrismaClient } from './generated/client.ts';

/** One page of a user's notifications, newest first. */
export async function listNotifications(
  prisma: PrismaClient,
  caller: Caller,
  { limit = 20, cursor, unread, type }: NotificationQuery,
): Promise<{ data: Notification[]; nextCursor: string | null }> {
  const rows = await prisma.notification.findMany({
    where: {
      userId: caller.id,
      ...(cursor !== undefined && { seq: { lt: decodeCursor(cursor) } }),
      ...(unread !== undefined && { readAt: unread ? null : { not: null } }),
      ...(type !== undefined && { type }),
    },
    orderBy: { seq: 'desc' },
    take: limit + 1,
  });
  const writer = await writerOf(prisma, caller);
  return pageOf(rows, limit, (row) => toNotification(row, writer));
}

/** @throws Problem not_found when this user has no such notification */
export async function readNotification(prisma: PrismaClient, caller: Caller, id: string): Promise<Notification> {
  const stored = await prisma.notification.findFirst({ where: { id, userId: caller.id } });
  if (!stored) throw new Problem('not_found', 'You have no such notification');
  return toNotification(stored, await writerOf(prisma, caller));
}

/** Counts in the index of what is unread alone, however much there is to read. */
export async function countUnread(pool: pg.Pool, caller: Caller): Promise<number> {
  const { rows } = await pool.query<{ count: number }>({
    name: 'count-unread',
    text: 'SELECT count(*)::int AS count FROM notification WHERE user_id = $1 AND read_at IS NULL',
    values: [caller.id],
  });
  return rows[0]?.count ?? 0;
}

/** The account as we know it is newer than the token; a token may know an account of which we have not heard yet. */
async function writerOf(prisma: PrismaClient, caller: Caller): Promise<Writer> {
  const account = await prisma.account.findUnique({ where: { userId: caller.id } });
  return writerFor(account ?? caller);
}
