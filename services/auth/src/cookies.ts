import { Problem } from '@evergreen/service-kit/problem.ts';
// The import brings the types of request.cookies and reply.setCookie.
import type {} from '@fastify/cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { IDLE_LIFETIME_MS } from './decisions/refresh-token.ts';
import { DEVICE_LIFETIME_MS } from './devices.ts';

const REFRESH = 'evergreen_refresh';
const DEVICE = 'evergreen_device';

/** Scripts cannot read it, other sites cannot make a browser send it, and it travels to auth's own routes alone. */
const attributes = (secure: boolean) => ({ path: '/v1/auth', httpOnly: true, sameSite: 'strict', secure }) as const;

/**
 * The refresh token in the cookie. SameSite lets pages of sibling domains send it, so browsers that say where a request
 * comes from (Fetch Metadata) are taken at their word: our own page, or the person by hand.
 * @throws Problem forbidden for a page of another origin, whether or not its browser sent the cookie
 */
export function cookieToken(request: FastifyRequest): string | undefined {
  const from = request.headers['sec-fetch-site'];
  if (from !== undefined && from !== 'same-origin' && from !== 'none') {
    throw new Problem('forbidden', 'A page of another origin may not use the refresh cookie');
  }
  return request.cookies[REFRESH];
}

export function setRefreshCookie(reply: FastifyReply, token: string, secure: boolean): void {
  reply.setCookie(REFRESH, token, { ...attributes(secure), maxAge: IDLE_LIFETIME_MS / 1000 });
}

export function dropRefreshCookie(reply: FastifyReply, secure: boolean): void {
  reply.clearCookie(REFRESH, attributes(secure));
}

/** The token of a device that has logged in before; it opens nothing. */
export const deviceCookie = (request: FastifyRequest): string | undefined => request.cookies[DEVICE];

export function setDeviceCookie(reply: FastifyReply, token: string, secure: boolean): void {
  reply.setCookie(DEVICE, token, { ...attributes(secure), maxAge: DEVICE_LIFETIME_MS / 1000 });
}
