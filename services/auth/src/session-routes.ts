import { SessionEntry } from '@evergreen/contracts/http/auth.ts';
import { IdParams, Page } from '@evergreen/contracts/primitives.ts';
import { ProblemBody } from '@evergreen/contracts/problems.ts';
import type { HttpApp } from '@evergreen/service-kit/http.ts';
import { Type } from 'typebox';
import type { RouteDeps } from './routes.ts';
import { listSessions, requireOpenSession, revokeOtherSessions, revokeSession } from './sessions.ts';

const ownSessions = { tags: ['auth'], security: [{ accessToken: [] }] };

/** Where somebody is logged in, and ending that from afar. */
export function sessionRoutes(app: HttpApp, { prisma, now, access }: RouteDeps): void {
  const onRequest = access.requireUser;
  app.get(
    '/v1/auth/sessions',
    {
      schema: {
        ...ownSessions,
        summary: 'Where the caller is logged in, newest first',
        description: 'An account has at most 100 sessions, so there is one page.',
        response: { 200: Page(SessionEntry), 401: ProblemBody },
      },
      onRequest,
    },
    async (request) => {
      const { account, sessionId } = await requireOpenSession(prisma, request.caller);
      const sessions = await listSessions(prisma, account, now());
      const data = sessions.map(({ id, createdAt, lastUsedAt, address, userAgent }) => ({
        id,
        createdAt: createdAt.toISOString(),
        lastUsedAt: lastUsedAt.toISOString(),
        address,
        userAgent,
        current: id === sessionId,
      }));
      return { data, nextCursor: null };
    },
  );
  app.delete(
    '/v1/auth/sessions/:id',
    {
      schema: {
        ...ownSessions,
        summary: 'End one session of the caller',
        description: 'It cannot be refreshed any more. Its last access token counts for ten minutes at most.',
        params: IdParams,
        response: { 204: Type.Null(), 400: ProblemBody, 401: ProblemBody, 404: ProblemBody },
      },
      onRequest,
    },
    async (request, reply) => {
      const { account } = await requireOpenSession(prisma, request.caller);
      await revokeSession(prisma, { account, sessionId: request.params.id }, now());
      return reply.code(204).send(null);
    },
  );
  app.delete(
    '/v1/auth/sessions',
    {
      schema: {
        ...ownSessions,
        summary: 'End all sessions of the caller but this one',
        response: { 204: Type.Null(), 401: ProblemBody },
      },
      onRequest,
    },
    async (request, reply) => {
      const { account, sessionId } = await requireOpenSession(prisma, request.caller);
      await revokeOtherSessions(prisma, { accountId: account.id, sessionId }, now());
      return reply.code(204).send(null);
    },
  );
}
