import { PasswordBody, ProfileBody, RegisterBody, Session, UpdatedUser, User } from '@evergreen/contracts/http/auth.ts';
import { ProblemBody } from '@evergreen/contracts/problems.ts';
import type { HttpApp } from '@evergreen/service-kit/http.ts';
import { Type } from 'typebox';
import { signAccessToken } from './access-token.ts';
import { userOf } from './accounts.ts';
import { answerSession, trimEmail, whenceOf } from './answer-session.ts';
import { changePassword } from './change-password.ts';
import { register } from './register.ts';
import type { RouteDeps } from './routes.ts';
import { requireOpenSession } from './sessions.ts';
import { updateProfile } from './update-profile.ts';

const TAGS = ['auth'];
const ownAccount = { tags: TAGS, security: [{ accessToken: [] }] };

/** The account itself: opening it, reading it, changing it. */
export function accountRoutes(app: HttpApp, deps: RouteDeps): void {
  const onRequest = deps.access.requireUser;
  app.post(
    '/v1/auth/register',
    {
      schema: {
        tags: TAGS,
        summary: 'Open an account and log in',
        body: RegisterBody,
        response: { 201: Session, 400: ProblemBody, 409: ProblemBody, 429: ProblemBody },
      },
      preValidation: trimEmail,
    },
    async (request, reply) => {
      const { refreshTokenIn, ...signUp } = request.body;
      const opened = await register(deps, signUp, whenceOf(deps, request), request.id);
      reply.code(201);
      return answerSession(deps, reply, opened, refreshTokenIn);
    },
  );
  app.get(
    '/v1/auth/me',
    {
      schema: { ...ownAccount, summary: 'The account of the caller', response: { 200: User, 401: ProblemBody } },
      onRequest,
    },
    async (request) => userOf((await requireOpenSession(deps.prisma, request.caller)).account),
  );
  app.patch(
    '/v1/auth/me',
    {
      schema: {
        ...ownAccount,
        summary: 'Change the time zone or locale of the caller',
        description:
          'Services go by the access token, so the answer brings a new one. It expires when the one that was sent does.',
        body: ProfileBody,
        response: { 200: UpdatedUser, 400: ProblemBody, 401: ProblemBody, 429: ProblemBody },
      },
      onRequest,
    },
    async (request, reply) => {
      const { account, sessionId } = await updateProfile(deps, request.caller, request.body, request.id);
      const now = deps.now();
      // A change of the profile must not make a stolen access token live longer.
      const expiresIn = Math.max(1, request.caller.expiresAt - Math.floor(now.getTime() / 1000));
      const token = { account, sessionId, issuer: deps.issuer, now, lifeSeconds: expiresIn };
      reply.header('cache-control', 'no-store');
      return { ...userOf(account), accessToken: signAccessToken(deps.keys.active(), token), expiresIn };
    },
  );
  app.put(
    '/v1/auth/password',
    {
      schema: {
        ...ownAccount,
        summary: 'Change the password of the caller, and end all other sessions',
        description: 'A wrong current password is 401 `invalid_credentials`; the access token is still good then.',
        body: PasswordBody,
        response: { 204: Type.Null(), 400: ProblemBody, 401: ProblemBody, 429: ProblemBody },
      },
      onRequest,
    },
    async (request, reply) => {
      await changePassword(deps, request.caller, request.body, whenceOf(deps, request));
      return reply.code(204).send(null);
    },
  );
}
