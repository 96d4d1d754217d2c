import { Problem } from '@evergreen/service-kit/problem.ts';
// The import brings the types of request.cookies and reply.setCookie.
import type {} from '@fastify/cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Lifetimes } from './decisions/refresh-token.ts';
import { DEVICE_LIFETIME_MS } from './devices.ts';

export type AuthCookies = ReturnType<typeof authCookies>;

/**
 * The two cookies of auth. Scripts cannot read them, and other sites cannot make a browser send them.
 * @param secure whether browsers may send them over https alone; then their names begin with `__Host-`, so that no sibling
 * domain can plant its own (ASVS 3.4.4). That asks for the path `/`; the edge passes cookies on to auth and to nobody else.
 */
export function authCookies(secure: boolean) {
  const [refresh, device] = ['evergreen_refresh', 'evergreen_device'].map((name) =>
    secure ? `__Host-${name}` : name,
  ) as [string, string];
  const attributes = { path: '/', httpOnly: true, sameSite: 'strict', secure } as const;
  return {
    /**
     * The refresh token in the cookie. SameSite lets pages of sibling domains send it, so browsers that say where a request
     * comes from (Fetch Metadata) are taken at their word: our own page, or the person by hand.
     * @throws Problem forbidden for a page of another origin, whether or not its browser sent the cookie
     */
    refreshToken(request: FastifyRequest): string | undefined {
      const from = request.headers['sec-fetch-site'];
      if (from !== undefined && from !== 'same-origin' && from !== 'none') {
        throw new Problem('forbidden', 'A page of another origin may not use the refresh cookie');
      }
      return request.cookies[refresh];
    },
    setRefreshToken(reply: FastifyReply, token: string, { idleMs }: Lifetimes): void {
      reply.setCookie(refresh, token, { ...attributes, maxAge: idleMs / 1000 });
    },
    dropRefreshToken(reply: FastifyReply): void {
      reply.clearCookie(refresh, attributes);
    },
    /** The token of a device that has logged in before; it opens nothing. */
    deviceToken: (request: FastifyRequest): string | undefined => request.cookies[device],
    setDeviceToken(reply: FastifyReply, token: string): void {
      reply.setCookie(device, token, { ...attributes, maxAge: DEVICE_LIFETIME_MS / 1000 });
    },
  };
}
