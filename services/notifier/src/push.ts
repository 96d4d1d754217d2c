import type { Notification } from '@evergreen/contracts/http/notifications.ts';
import type { Changed, EventFlow, FlowAnswer, ReadMark } from '@evergreen/contracts/socket.ts';
import type { Caller } from '@evergreen/service-kit/auth.ts';
import type { FastifyBaseLogger } from 'fastify';
import type { Server, Socket } from 'socket.io';
import type { Catchup } from './catch-up.ts';

/*
 * What a socket is told, in the order of its mailbox's versions, each once.
 *
 *   a socket:   catching up <-> live        and from each of them: closed
 *
 * Live, a socket takes the event that follows its version. An event that does not follow (the broker delivered it early,
 * or the one before was lost) and every new socket lead to catching up: reading what happened since from the database.
 * While it catches up, events only raise the version it has to reach; they commit before they are said, so the next read finds
 * them. An event that is not newer than the socket's version was told already.
 */

/** What waits for a client that does not take it, at most. Then it is let go, and catches up when it comes back. */
const MAX_UNSENT_BYTES = 1_048_576;

/** What the server emits. */
export interface PushedEvents {
  notification: (notification: Notification) => void;
  'notifications:read': (which: ReadMark) => void;
  'unread-count': (count: { unreadCount: number }) => void;
  changed: (what: Changed) => void;
  'event-flow': (flow: EventFlow) => void;
}

/** What the server listens to. For everything else clients talk over HTTP. */
export interface AskedEvents {
  'flow:watch': (answer?: (given: FlowAnswer) => void) => void;
  'flow:unwatch': () => void;
}

export interface SocketData {
  caller: Caller;
  /** The mailbox version up to which this socket was told everything; undefined until it caught up for the first time. */
  version: number | undefined;
  /** While it catches up: the version it has to reach, as heard since its last read began. */
  wanted: number;
  catchingUp: boolean;
  /** May hints have been lost, so that all its pages show is out of date? */
  missedHints: boolean;
}

type Nothing = Record<string, never>;
export type PushServer = Server<AskedEvents, PushedEvents, Nothing, SocketData>;
export type PushSocket = Socket<AskedEvents, PushedEvents, Nothing, SocketData>;

export interface Pusher {
  /** Begins with a new socket, already in the room of its user, from what its client saw last. */
  welcome(socket: PushSocket, lastNotificationId: string | undefined): void;
  /**
   * Tells the sockets of a user what made this version of the mailbox.
   * @returns how many were told; those that catch up hear it on the way
   */
  tell(userId: string, version: number, emitTo: (socket: PushSocket) => void): number;
  hint(userId: string, changed: Changed): void;
  /** Lets every socket catch up, after events may have been missed. */
  catchUpAll(): void;
}

export function createPusher(io: PushServer, catchup: Catchup, logger: FastifyBaseLogger): Pusher {
  const { sockets, adapter } = io.of('/');

  function* socketsOf(userId: string): Generator<PushSocket> {
    for (const id of adapter.rooms.get(userId) ?? []) {
      const socket = sockets.get(id);
      if (socket) yield socket;
    }
  }

  async function catchUp(socket: PushSocket, lastNotificationId?: string): Promise<void> {
    const { data } = socket;
    if (data.catchingUp) return;
    data.catchingUp = true;
    try {
      data.version ??= await catchup.startOf(data.caller.id, lastNotificationId);
      do await readOn(socket);
      while (socket.connected && data.wanted > (data.version ?? 0));
    } catch (err) {
      logger.warn({ err, userId: data.caller.id }, 'a socket could not catch up and is let go');
      socket.conn.close();
    } finally {
      data.catchingUp = false;
    }
  }

  /** Tells what came after the socket's version, page by page. */
  async function readOn(socket: PushSocket): Promise<void> {
    const { data } = socket;
    for (let anyRead = false; ; ) {
      const before = data.version;
      // What was wished for until now, this read fulfils.
      data.wanted = 0;
      const page = await catchup.since(data.caller, before);
      if (!socket.connected) return;
      for (const notification of page.notifications) socket.emit('notification', notification);
      data.version = page.version;
      anyRead ||= before !== undefined && page.version > before + page.size;
      if (!page.isLast) continue;
      if (anyRead) emitRead(socket, { ids: page.readIds, all: page.unreadCount === 0 });
      socket.emit('unread-count', { unreadCount: page.unreadCount });
      if (data.missedHints)
        for (const what of ['wallet', 'subscription'] as const) socket.emit('changed', { what, id: null });
      data.missedHints = false;
      return;
    }
  }

  return {
    welcome(socket, lastNotificationId) {
      boundUnsent(socket);
      void catchUp(socket, lastNotificationId);
    },
    tell(userId, version, emitTo) {
      let told = 0;
      for (const socket of socketsOf(userId)) {
        const { data } = socket;
        if (data.catchingUp || data.version === undefined) {
          data.wanted = Math.max(data.wanted, version);
        } else if (version === data.version + 1) {
          emitTo(socket);
          data.version = version;
          told++;
        } else if (version > data.version) {
          void catchUp(socket);
        }
      }
      return told;
    },
    hint(userId, changed) {
      io.to(userId).emit('changed', changed);
    },
    catchUpAll() {
      for (const socket of sockets.values()) {
        // One that is catching up may have read before the gap, so it reads once more.
        socket.data.wanted = Number.POSITIVE_INFINITY;
        socket.data.missedHints = true;
        void catchUp(socket);
      }
    },
  };
}

function boundUnsent({ conn }: PushSocket): void {
  let unsentBytes = 0;
  conn.on('packetCreate', ({ data }: { data?: string | Buffer }) => {
    unsentBytes += data?.length ?? 0;
    if (unsentBytes > MAX_UNSENT_BYTES) conn.close(true);
  });
  conn.on('flush', () => {
    unsentBytes = 0;
  });
}

export function emitRead(socket: PushSocket, { ids, all }: { ids: string[]; all: boolean }): void {
  if (all) socket.emit('notifications:read', { all: true });
  else if (ids.length > 0) socket.emit('notifications:read', { ids });
}
