import { LoginBody, RefreshBody, Session } from '@evergreen/contracts/http/auth.ts';
import { ProblemBody } from '@evergreen/contracts/problems.ts';
import { allowNoBody, type HttpApp } from '@evergreen/service-kit/http.ts';
import { Problem } from '@evergreen/service-kit/problem.ts';
import { Type } from 'typebox';
import { answerSession, trimEmail, whenceOf } from './answer-session.ts';
import { logIn } from './log-in.ts';
import { refresh } from './refresh.ts';
import type { RouteDeps } from './routes.ts';
import { endSession } from './sessions.ts';

const TAGS = ['auth'];

/** Logging in, refreshing, logging out. */
export function tokenRoutes(app: HttpApp, deps: RouteDeps): void {
  app.post(
    '/v1/auth/login',
    {
      schema: {
        tags: TAGS,
        summary: 'Log in with email and password',
        body: LoginBody,
        response: { 200: Session, 400: ProblemBody, 401: ProblemBody, 429: ProblemBody },
      },
      preValidation: trimEmail,
    },
    async (request, reply) => {
      const { refreshTokenIn, deviceToken, ...credentials } = request.body;
      const opened = await logIn(deps, credentials, whenceOf(deps, request, deviceToken));
      return answerSession(deps, reply, opened, refreshTokenIn);
    },
  );
  app.post(
    '/v1/auth/refresh',
    {
      schema: {
        tags: TAGS,
        summary: 'Take the refresh token for a new access token and the next refresh token',
        description: 'The token comes in the cookie, or in the body. It counts once: a second use ends the session.',
        body: RefreshBody,
        response: { 200: Session, 401: ProblemBody, 403: ProblemBody, 429: ProblemBody },
      },
      preValidation: allowNoBody,
    },
    async (request, reply) => {
      const place = request.body.refreshToken === undefined ? 'cookie' : 'body';
      const token = request.body.refreshToken ?? deps.cookies.refreshToken(request);
      if (!token) throw new Problem('invalid_refresh_token', 'There is no refresh token in the cookie or the body');
      const opened = await refresh(deps, token, whenceOf(deps, request)).catch((error: unknown) => {
        const isOver = error instanceof Problem && error.code === 'invalid_refresh_token';
        if (isOver && place === 'cookie') deps.cookies.dropRefreshToken(reply);
        throw error;
      });
      return answerSession(deps, reply, opened, place);
    },
  );
  app.post(
    '/v1/auth/logout',
    {
      schema: {
        tags: TAGS,
        summary: 'End the session of the refresh token in the cookie or the body',
        body: RefreshBody,
        response: { 204: Type.Null(), 403: ProblemBody },
      },
      preValidation: allowNoBody,
    },
    async (request, reply) => {
      const token = request.body.refreshToken ?? deps.cookies.refreshToken(request);
      if (token) await endSession(deps.prisma, token, deps.now());
      deps.cookies.dropRefreshToken(reply);
      return reply.code(204).send(null);
    },
  );
}
