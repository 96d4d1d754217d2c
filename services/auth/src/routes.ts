import type { AccessHooks } from '@evergreen/service-kit/auth.ts';
import type { HttpApp } from '@evergreen/service-kit/http.ts';
import type { RateLimits } from '@evergreen/service-kit/rate-limit.ts';
import { Type } from 'typebox';
import { accountRoutes } from './account-routes.ts';
import type { AuthLimits } from './config.ts';
import type { AuthCookies } from './cookies.ts';
import type { PrismaClient } from './generated/client.ts';
import type { Keyring } from './keyring.ts';
import { operatorRoutes } from './operator-routes.ts';
import type { Passwords } from './passwords.ts';
import { sessionRoutes } from './session-routes.ts';
import { tokenRoutes } from './token-routes.ts';

export interface RouteDeps {
  prisma: PrismaClient;
  passwords: Passwords;
  keys: Keyring;
  issuer: string;
  cookies: AuthCookies;
  limits: AuthLimits;
  rateLimits: RateLimits;
  now: () => Date;
  /** Called after a commit that left events in the outbox. */
  onEvents: () => void;
  access: AccessHooks;
}

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

/** All routes of auth. */
export function authRoutes(app: HttpApp, deps: RouteDeps): void {
  accountRoutes(app, deps);
  tokenRoutes(app, deps);
  sessionRoutes(app, deps);
  operatorRoutes(app, deps);
  app.get(
    '/.well-known/jwks.json',
    {
      schema: {
        tags: ['auth'],
        summary: 'The public keys that access tokens are checked with (RFC 7517)',
        response: { 200: JwksAnswer },
      },
    },
    async (_request, reply) => {
      reply.header('cache-control', `public, max-age=${JWKS_MAX_AGE_SECONDS}`);
      return deps.keys.jwks() as Type.Static<typeof JwksAnswer>;
    },
  );
}
