import type { Notification } from '@evergreen/contracts/http/notifications.ts';
import type { Caller } from '@evergreen/service-kit/auth.ts';
import type pg from 'pg';
import { toNotification } from './decisions/notification.ts';
import { writerFor } from './decisions/texts.ts';
import { PAGE_SIZE, readSince, type SinceRow } from './sql/read-since.ts';
import { createTurnstile } from './turnstile.ts';

/** A client that was away for longer gets the newest of what it missed; the list has the rest. */
const MAX_MISSED = 100;
/** Sockets that read at the same time, so that thousands that come at once leave connections of the pool to others. */
const MAX_READS = 4;
/** Sockets that wait for their turn; one more is refused, and its client tries again later. */
const MAX_WAITING = 20_000;

export interface CatchupPage {
  /** Those to be shown as they come, oldest first. */
  notifications: Notification[];
  /** How many there are in all. */
  size: number;
  /** The mailbox version this page leads to. */
  version: number;
  isLast: boolean;
  unreadCount: number;
  /** Which of those before this page are read by now, as far as a client may still show them. */
  readIds: string[];
}

export interface Catchup {
  /**
   * The version from which a client that saw a notification last has to be told; undefined, for "from now on", when it
   * names none. Of one that this user does not have (any more), the time in its id counts, which is as late as it was stored.
   */
  startOf(userId: string, lastNotificationId: string | undefined): Promise<number | undefined>;
  /** What came after a version; without one, only where the mailbox stands. */
  since(caller: Caller, after: number | undefined): Promise<CatchupPage>;
}

/** Reads what sockets have missed. */
export function createCatchup(pool: pg.Pool): Catchup {
  const inTurn = createTurnstile({ max: MAX_READS, maxWaiting: MAX_WAITING });

  return {
    async startOf(userId, lastNotificationId) {
      if (lastNotificationId === undefined) return undefined;
      const { rows } = await inTurn(() =>
        pool.query<{ seq: number }>({
          name: 'start-of-catch-up',
          text: `SELECT greatest(
                   coalesce(
                     (SELECT seq FROM notification WHERE user_id = $1 AND id = $2),
                     (SELECT seq FROM notification WHERE user_id = $1 AND id < $2 ORDER BY seq DESC LIMIT 1),
                     0),
                   (SELECT seq FROM notification WHERE user_id = $1 ORDER BY seq DESC OFFSET ${MAX_MISSED} LIMIT 1)
                 ) AS seq`,
          values: [userId, lastNotificationId],
        }),
      );
      return rows[0]?.seq;
    },
    async since(caller, after) {
      const { rows } = await inTurn(() => pool.query<SinceRow>(readSince(caller.id, after ?? null)));
      return pageOf(rows, caller);
    },
  };
}

function pageOf(rows: SinceRow[], caller: Caller): CatchupPage {
  const [state] = rows;
  if (!state) return { notifications: [], size: 0, version: 0, isLast: true, unreadCount: 0, readIds: [] };
  const { locale, timeZone, unreadCount, readIds } = state;
  const writer = writerFor(locale !== null && timeZone !== null ? { locale, timeZone } : caller);
  const missed = rows.flatMap((row) => (row.id === null ? [] : [{ ...row, id: row.id }]));
  const isLast = missed.length < PAGE_SIZE;
  return {
    notifications: missed.filter(({ live }) => live).map((row) => toNotification(row, writer)),
    size: missed.length,
    version: isLast ? state.version : (missed.at(-1)?.seq ?? state.version),
    isLast,
    unreadCount,
    readIds: readIds ?? [],
  };
}
