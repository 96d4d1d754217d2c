import {
  Notification,
  NotificationPreferences,
  NotificationQuery,
  ReadAllBody,
  UnreadCount,
} from '@evergreen/contracts/http/notifications.ts';
import { IdParams, Page } from '@evergreen/contracts/primitives.ts';
import { ProblemBody } from '@evergreen/contracts/problems.ts';
import type { AccessHooks } from '@evergreen/service-kit/auth.ts';
import type { HttpApp } from '@evergreen/service-kit/http.ts';
import type { PrismaClient } from './generated/client.ts';
import { type MarkDeps, markAllRead, markRead } from './mark-read.ts';
import { readPreferences, savePreferences } from './preferences.ts';
import { countUnread, listNotifications, readNotification } from './read-notifications.ts';

export interface RouteDeps extends MarkDeps {
  access: AccessHooks;
  prisma: PrismaClient;
}

const forUsers = { tags: ['notifications'], security: [{ accessToken: [] }] };

export function notificationRoutes(app: HttpApp, deps: RouteDeps): void {
  const { access, pool, prisma } = deps;
  const onRequest = access.requireUser;

  app.get(
    '/v1/notifications',
    {
      schema: {
        ...forUsers,
        summary: 'Notifications, newest first',
        querystring: NotificationQuery,
        response: { 200: Page(Notification), '4xx': ProblemBody },
      },
      onRequest,
    },
    (request) => listNotifications(prisma, request.caller, request.query),
  );

  app.get(
    '/v1/notifications/unread-count',
    {
      schema: {
        ...forUsers,
        summary: 'How many are unread',
        response: { 200: UnreadCount, '4xx': ProblemBody },
      },
      onRequest,
    },
    async (request) => ({ unreadCount: await countUnread(pool, request.caller) }),
  );

  app.post(
    '/v1/notifications/:id/read',
    {
      schema: {
        ...forUsers,
        summary: 'Mark one as read',
        description: 'Again changes nothing. The other open pages of the user learn of it over their sockets.',
        params: IdParams,
        response: { 200: Notification, '4xx': ProblemBody },
      },
      onRequest,
    },
    async (request) => {
      const { caller, params } = request;
      await markRead(deps, { userId: caller.id, correlationId: request.id }, params.id);
      return readNotification(prisma, caller, params.id);
    },
  );

  app.post(
    '/v1/notifications/read-all',
    {
      schema: {
        ...forUsers,
        summary: 'Mark all as read',
        description: 'With `upTo`, only that one and what came before it.',
        body: ReadAllBody,
        response: { 200: UnreadCount, '4xx': ProblemBody },
      },
      onRequest,
    },
    async (request) => {
      const marking = { userId: request.caller.id, correlationId: request.id };
      return { unreadCount: await markAllRead(deps, marking, request.body?.upTo) };
    },
  );
}

/** Which notifications reach a user. */
export function preferenceRoutes(app: HttpApp, { access, pool }: Pick<RouteDeps, 'access' | 'pool'>): void {
  const onRequest = access.requireUser;

  app.get(
    '/v1/notifications/preferences',
    {
      schema: {
        ...forUsers,
        summary: 'Which notifications reach you',
        description: 'Whoever has chosen nothing gets all of them.',
        response: { 200: NotificationPreferences, '4xx': ProblemBody },
      },
      onRequest,
    },
    (request) => readPreferences(pool, request.caller.id),
  );

  app.put(
    '/v1/notifications/preferences',
    {
      schema: {
        ...forUsers,
        summary: 'Choose which notifications reach you',
        description:
          'Counts for what happens from now on. Without `inbox` a type is muted: not listed, not counted, not pushed. ' +
          'Without `live` it is listed and counted, and pages get the new count alone.',
        body: NotificationPreferences,
        response: { 200: NotificationPreferences, '4xx': ProblemBody },
      },
      onRequest,
    },
    (request) => savePreferences(pool, request.caller.id, request.body),
  );
}
