import { LoginBody, RefreshBody, RegisterBody, Session, User } from '@evergreen/contracts/http/auth.ts';
import { ProblemBody } from '@evergreen/contracts/problems.ts';
import type { AccessHooks } from '@evergreen/service-kit/auth.ts';
import type { HttpApp } from '@evergreen/service-kit/http.ts';
import { Problem } from '@evergreen/service-kit/problem.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { ACCESS_TOKEN_SECONDS, signAccessToken } from './access-token.ts';
import { asAccount, userOf } from './accounts.ts';
import type { PrismaClient } from './generated/client.ts';
import { logIn } from './log-in.ts';
import type { Passwords } from './passwords.ts';
import { cookieToken, dropRefreshCookie, setRefreshCookie } from './refresh-cookie.ts';
import { register } from './register.ts';
import { endSession, type OpenedSession, refreshSession } from './sessions.ts';
import type { SigningKeys } from './signing-keys.ts';

export interface RouteDeps {
  prisma: PrismaClient;
  passwords: Passwords;
  keys: SigningKeys;
  issuer: string;
  cookieSecure: boolean;
  now: () => Date;
  /** Called after a commit that left events in the outbox. */
  onEvents: () => void;
  access: AccessHooks;
}

const TAGS = ['auth'];
const JWKS_MAX_AGE_SECONDS = 300;

const JwksAnswer = Type.Object({
  keys: Type.Array(
    Type.Object({
      kid: Type.String(),
      kty: Type.String(),
      crv: Type.String(),
      x: Type.String(),
      y: Type.String(),
      alg: Type.String(),
      use: Type.String(),
    }),
  ),
});

type TokenPlace = 'cookie' | 'body';

/** All routes of auth. */
export function authRoutes(app: HttpApp, deps: RouteDeps): void {
  accountRoutes(app, deps);
  sessionRoutes(app, deps);
  app.get(
    '/.well-known/jwks.json',
    {
      schema: {
        tags: TAGS,
        summary: 'The public keys that access tokens are checked with (RFC 7517)',
        response: { 200: JwksAnswer },
      },
    },
    async (_request, reply) => {
      reply.header('cache-control', `public, max-age=${JWKS_MAX_AGE_SECONDS}`);
      return deps.keys.jwks as Type.Static<typeof JwksAnswer>;
    },
  );
}

function accountRoutes(app: HttpApp, deps: RouteDeps): void {
  app.post(
    '/v1/auth/register',
    {
      schema: {
        tags: TAGS,
        summary: 'Open an account and log in',
        body: RegisterBody,
        response: { 201: Session, 400: ProblemBody, 409: ProblemBody },
      },
      preValidation: trimEmail,
    },
    async (request, reply) => {
      const { refreshTokenIn, ...signUp } = request.body;
      const opened = await register(deps, signUp, request.id);
      reply.code(201);
      return answerSession(deps, reply, opened, refreshTokenIn);
    },
  );
  app.get(
    '/v1/auth/me',
    {
      schema: {
        tags: TAGS,
        summary: 'The account of the caller',
        security: [{ accessToken: [] }],
        response: { 200: User, 401: ProblemBody },
      },
      onRequest: deps.access.requireUser,
    },
    async (request) => {
      const account = await deps.prisma.account.findUnique({ where: { id: request.caller.id } });
      if (!account) throw new Problem('unauthenticated', 'There is no such account any more');
      return userOf(asAccount(account));
    },
  );
}

function sessionRoutes(app: HttpApp, deps: RouteDeps): void {
  app.post(
    '/v1/auth/login',
    {
      schema: {
        tags: TAGS,
        summary: 'Log in with email and password',
        body: LoginBody,
        response: { 200: Session, 400: ProblemBody, 401: ProblemBody },
      },
      preValidation: trimEmail,
    },
    async (request, reply) => {
      const { refreshTokenIn, ...credentials } = request.body;
      return answerSession(deps, reply, await logIn(deps, credentials), refreshTokenIn);
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
        response: { 200: Session, 401: ProblemBody, 403: ProblemBody },
      },
      preValidation: allowNoBody,
    },
    async (request, reply) => {
      const place = request.body.refreshToken === undefined ? 'cookie' : 'body';
      const token = request.body.refreshToken ?? cookieToken(request);
      if (!token) throw new Problem('invalid_refresh_token', 'There is no refresh token in the cookie or the body');
      const opened = await refreshSession(deps.prisma, token, deps.now()).catch((error: unknown) => {
        const isOver = error instanceof Problem && error.code === 'invalid_refresh_token';
        if (isOver && place === 'cookie') dropRefreshCookie(reply, deps.cookieSecure);
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
      const token = request.body.refreshToken ?? cookieToken(request);
      if (token) await endSession(deps.prisma, token, deps.now());
      dropRefreshCookie(reply, deps.cookieSecure);
      return reply.code(204).send(null);
    },
  );
}

function answerSession(
  deps: RouteDeps,
  reply: FastifyReply,
  opened: OpenedSession,
  place: TokenPlace = 'cookie',
): Session {
  const { keys, issuer, now, cookieSecure } = deps;
  const accessToken = signAccessToken(keys, { ...opened, issuer, now: now() });
  reply.header('cache-control', 'no-store');
  if (place === 'cookie') setRefreshCookie(reply, opened.refreshToken, cookieSecure);
  return {
    user: userOf(opened.account),
    accessToken,
    expiresIn: ACCESS_TOKEN_SECONDS,
    ...(place === 'body' && { refreshToken: opened.refreshToken }),
  };
}

/** Blanks round an address come from copying it; they are not worth an error. */
async function trimEmail(request: FastifyRequest): Promise<void> {
  const body = request.body as { email?: unknown } | null | undefined;
  if (typeof body?.email === 'string') body.email = body.email.trim();
}

/** With the token in the cookie there is nothing to put into a body. */
async function allowNoBody(request: FastifyRequest): Promise<void> {
  request.body ??= {};
}
