import { UserUpdated } from '@evergreen/contracts/events/auth.ts';
import type { ProfileBody } from '@evergreen/contracts/http/auth.ts';
import { outboxRows } from '@evergreen/service-kit/outbox.ts';
import { type Account, accountEvent, asAccount, timeZoneOf } from './accounts.ts';
import type { RouteDeps } from './routes.ts';
import { requireOpenSession } from './sessions.ts';

/**
 * Changes time zone or locale of the caller. What is the same already makes no new version, and no event.
 * @throws Problem validation_failed for an unknown time zone, unauthenticated when the session is over, rate_limited
 */
export async function updateProfile(
  deps: Pick<RouteDeps, 'prisma' | 'now' | 'onEvents' | 'limits' | 'rateLimits'>,
  caller: { id: string; sessionId?: string },
  { timeZone, locale }: ProfileBody,
  correlationId: string,
): Promise<{ account: Account; sessionId: string }> {
  const { prisma, now, onEvents, limits, rateLimits } = deps;
  const { sessionId } = await requireOpenSession(prisma, caller);
  // Each change is an event that others have to take in.
  await rateLimits.take([[limits.profilePerAccount, caller.id]]);
  // Only what was sent is written: a change of the other field at the same time stays.
  const wanted = {
    ...(timeZone !== undefined && { timeZone: timeZoneOf(timeZone) }),
    ...(locale !== undefined && { locale }),
  };
  const isNews = Object.entries(wanted).map(([field, value]) => ({ [field]: { not: value } }));
  const account = await prisma.$transaction(async (tx) => {
    const { count } = await tx.account.updateMany({
      where: { id: caller.id, OR: isNews },
      data: { ...wanted, version: { increment: 1 }, updatedAt: now() },
    });
    const after = asAccount(await tx.account.findUniqueOrThrow({ where: { id: caller.id } }));
    if (count > 0) {
      await tx.outbox.createMany({ data: outboxRows([accountEvent(UserUpdated, after, correlationId)]) });
    }
    return after;
  });
  onEvents();
  return { account, sessionId };
}
