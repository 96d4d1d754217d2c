import { Type } from 'typebox';
import { defineEvent } from '../envelope.ts';
import { Notification } from '../http/notifications.ts';
import { Timestamp, Uuid } from '../primitives.ts';

const version = Type.Integer({
  minimum: 1,
  description: 'Grows by one with every event about this user’s notifications',
});

export const NotificationCreated = defineEvent(
  'notifier',
  'NotificationCreated',
  1,
  'A notification was stored; every notifier replica pushes it to the sockets it holds',
  Type.Object({
    userId: Uuid,
    version,
    notification: Notification,
    live: Type.Boolean({ description: 'False where its owner wants this type in the inbox alone' }),
    unreadCount: Type.Integer({ minimum: 0 }),
  }),
);

export const NotificationsRead = defineEvent(
  'notifier',
  'NotificationsRead',
  1,
  'Notifications were marked read, one or all, in some tab',
  Type.Object({
    userId: Uuid,
    version,
    ids: Type.Array(Uuid, { description: 'Empty when all were marked' }),
    all: Type.Boolean(),
    unreadCount: Type.Integer({ minimum: 0 }),
    readAt: Timestamp,
  }),
);
