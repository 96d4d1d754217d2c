import { Problem } from '@evergreen/service-kit/problem.ts';
import { addressClaims } from '@evergreen/service-kit/rate-limit.ts';
import type { RouteDeps } from './routes.ts';
import { type OpenedSession, ownerOf, refreshSession, type Whence } from './sessions.ts';

/**
 * Takes a refresh token for the next one, within limits. A good token counts for its account alone, and a bad one for the
 * address it comes from: so a stranger behind the same address as its owner keeps nobody from refreshing.
 * @throws Problem invalid_refresh_token, rate_limited
 */
export async function refresh(
  { prisma, now, limits, rateLimits }: Pick<RouteDeps, 'prisma' | 'now' | 'limits' | 'rateLimits'>,
  presented: string,
  whence: Whence,
): Promise<OpenedSession> {
  const accountId = await ownerOf(prisma, presented);
  if (accountId === undefined) {
    await rateLimits.take(addressClaims(limits.refreshPerAddress, whence.address));
    throw new Problem('invalid_refresh_token', 'Log in again');
  }
  await rateLimits.take([[limits.refreshPerAccount, accountId]]);
  return refreshSession(prisma, presented, whence, now());
}
