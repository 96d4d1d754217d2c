import type { Session } from '@evergreen/contracts/http/auth.ts';
import { addressOf } from '@evergreen/service-kit/rate-limit.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ACCESS_TOKEN_SECONDS, signAccessToken } from './access-token.ts';
import { userOf } from './accounts.ts';
import { lifetimesOf } from './decisions/refresh-token.ts';
import type { RouteDeps } from './routes.ts';
import type { OpenedSession, Whence } from './sessions.ts';

const MAX_USER_AGENT_CHARACTERS = 200;

/** `body` is for clients without a cookie jar. */
type TokenPlace = 'cookie' | 'body';

/** Where a request comes from. The device's token is in the cookie, or for clients without one in the body. */
export const whenceOf = (
  { cookies }: Pick<RouteDeps, 'cookies'>,
  request: FastifyRequest,
  deviceToken = cookies.deviceToken(request),
): Whence => ({
  address: addressOf(request),
  ip: request.ip,
  userAgent: request.headers['user-agent']?.slice(0, MAX_USER_AGENT_CHARACTERS) || null,
  deviceToken,
});

/** The answer to whoever opened or refreshed a session; what is secret goes where the client keeps it. */
export function answerSession(
  deps: Pick<RouteDeps, 'keys' | 'issuer' | 'now' | 'cookies'>,
  reply: FastifyReply,
  opened: OpenedSession,
  place: TokenPlace = 'cookie',
): Session {
  const { keys, issuer, now, cookies } = deps;
  const { account, refreshToken, deviceToken } = opened;
  const accessToken = signAccessToken(keys.active(), { ...opened, issuer, now: now() });
  reply.header('cache-control', 'no-store');
  const answer = { user: userOf(account), accessToken, expiresIn: ACCESS_TOKEN_SECONDS };
  if (place === 'body') return { ...answer, refreshToken, ...(deviceToken !== undefined && { deviceToken }) };
  cookies.setRefreshToken(reply, refreshToken, lifetimesOf(account.role));
  if (deviceToken !== undefined) cookies.setDeviceToken(reply, deviceToken);
  return answer;
}

/** Blanks round an address come from copying it; they are not worth an error. */
export async function trimEmail(request: FastifyRequest): Promise<void> {
  const body = request.body as { email?: unknown } | null | undefined;
  if (typeof body?.email === 'string') body.email = body.email.trim();
}
