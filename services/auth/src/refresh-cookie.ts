// The import brings the types of request.cookies and reply.setCookie.
import type {} from '@fastify/cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { IDLE_LIFETIME_MS } from './decisions/refresh-token.ts';

const NAME = 'evergreen_refresh';

/** Scripts cannot read it, other sites cannot make a browser send it, and it travels to auth's own routes alone. */
const attributes = (secure: boolean) => ({ path: '/v1/auth', httpOnly: true, sameSite: 'strict', secure }) as const;

export const cookieToken = (request: FastifyRequest): string | undefined => request.cookies[NAME];

export function setRefreshCookie(reply: FastifyReply, token: string, secure: boolean): void {
  reply.setCookie(NAME, token, { ...attributes(secure), maxAge: IDLE_LIFETIME_MS / 1000 });
}

export function dropRefreshCookie(reply: FastifyReply, secure: boolean): void {
  reply.clearCookie(NAME, attributes(secure));
}
