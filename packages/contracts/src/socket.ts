import { type Static, type TSchema, Type } from 'typebox';
import { Notification, UnreadCount } from './http/notifications.ts';
import { Uuid } from './primitives.ts';

/** Notifications that were marked read, in some tab or over HTTP. */
export const ReadMark = Type.Union([Type.Object({ ids: Type.Array(Uuid) }), Type.Object({ all: Type.Literal(true) })]);
export type ReadMark = Static<typeof ReadMark>;

/** What an open page should read again; `id` is that of the top-up, charge, adjustment or subscription. */
export const Changed = Type.Object({ what: Type.Enum(['wallet', 'subscription']), id: Uuid });
export type Changed = Static<typeof Changed>;

/** What a client says when it connects, as socket.io's `auth`. */
export const SocketAuth = Type.Object({
  token: Type.String({ description: 'The access token; the socket closes when it expires' }),
  lastNotificationId: Type.Optional(
    Type.String({ format: 'uuid', description: 'The newest notification the client has: it gets what came after' }),
  ),
});

export interface SocketMessage {
  meaning: string;
  payload: TSchema;
}

/** All that the server emits, by its name. Clients only listen; they talk over HTTP. */
export const SOCKET_MESSAGES: Readonly<Record<string, SocketMessage>> = {
  notification: { meaning: 'A new notification', payload: Notification },
  'notifications:read': { meaning: 'Notifications were marked read: these, or all', payload: ReadMark },
  'unread-count': { meaning: 'How many are unread now', payload: UnreadCount },
  changed: { meaning: 'What an open page shows is out of date', payload: Changed },
};
