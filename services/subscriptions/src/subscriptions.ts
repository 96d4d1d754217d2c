import type { OperatorSubscriptionQuery } from '@evergreen/contracts/http/subscription-operations.ts';
import type { SubscriptionStatus, TimelineEntry as TimelineBody } from '@evergreen/contracts/http/subscriptions.ts';
import type { PageQuery } from '@evergreen/contracts/primitives.ts';
import { decodeCursor, pageOf } from '@evergreen/service-kit/page.ts';
import { Problem } from '@evergreen/service-kit/problem.ts';
import type { Subscription } from './decisions/subscription.ts';
import type { PrismaClient, TimelineEntry } from './generated/client.ts';
import { fromRow } from './subscription-row.ts';
import { entitlementOf, operatorViewOf, viewOf } from './subscription-view.ts';

/** Reads, for a user, to whom what belongs to somebody else is not there, or for an operator, as ANYBODY. */

/** The user whose it must be; an operator reads anybody's. */
type Owner = string | typeof ANYBODY;
export const ANYBODY = Symbol('anybody');

export async function findSubscription(prisma: PrismaClient, owner: Owner, id: string): Promise<Subscription | null> {
  const row = await prisma.subscription.findFirst({ where: { id, ...(owner === ANYBODY ? {} : { userId: owner }) } });
  return row && fromRow(row);
}

/** @throws Problem not_found */
export async function readSubscription(prisma: PrismaClient, owner: Owner, id: string): Promise<Subscription> {
  const subscription = await findSubscription(prisma, owner, id);
  if (!subscription) throw noSuchSubscription(id);
  return subscription;
}

export const noSuchSubscription = (id: string): Problem => new Problem('not_found', `There is no subscription ${id}`);

/** Newest first. */
export async function listSubscriptions(
  prisma: PrismaClient,
  userId: string,
  { limit = 20, cursor }: PageQuery,
  now: Temporal.Instant,
) {
  const rows = await prisma.subscription.findMany({
    where: { userId, ...(cursor === undefined ? {} : { seq: { lt: decodeCursor(cursor) } }) },
    orderBy: { seq: 'desc' },
    take: limit + 1,
  });
  return pageOf(rows, limit, (row) => viewOf(fromRow(row), now));
}

/** Everybody's, or those that match, newest first. */
export async function listAllSubscriptions(
  prisma: PrismaClient,
  { limit = 20, cursor, userId, planId, status }: OperatorSubscriptionQuery,
  now: Temporal.Instant,
) {
  const rows = await prisma.subscription.findMany({
    where: {
      ...(userId !== undefined && { userId }),
      ...(planId !== undefined && { planId }),
      ...(status !== undefined && { status }),
      ...(cursor !== undefined && { seq: { lt: decodeCursor(cursor) } }),
    },
    orderBy: { seq: 'desc' },
    take: limit + 1,
  });
  return pageOf(rows, limit, (row) => operatorViewOf(fromRow(row), now));
}

/** What happened to it and why, newest first. */
export async function readTimeline(prisma: PrismaClient, owner: Owner, id: string, { limit = 20, cursor }: PageQuery) {
  await readSubscription(prisma, owner, id);
  const rows = await prisma.timelineEntry.findMany({
    where: { subscriptionId: id, ...(cursor === undefined ? {} : { version: { lt: versionBefore(cursor) } }) },
    orderBy: { version: 'desc' },
    take: limit + 1,
  });
  const numbered = rows.map((row) => ({ ...row, seq: row.version }));
  return pageOf(numbered, limit, timelineEntryOf);
}

/** Every status under which something may be open; `entitlementOf` tells whether it is. */
const MAY_BE_OPEN: SubscriptionStatus[] = ['trialing', 'active', 'pending_renewal', 'canceled'];

export async function readEntitlements(prisma: PrismaClient, userId: string, now: Temporal.Instant) {
  const rows = await prisma.subscription.findMany({
    where: { userId, status: { in: MAY_BE_OPEN } },
    orderBy: { seq: 'desc' },
  });
  return { data: rows.map((row) => entitlementOf(fromRow(row), now)).filter((one) => one !== null) };
}

/** Versions are 32-bit, and a cursor is any number somebody sends. */
const versionBefore = (cursor: string): number => Math.min(Number(decodeCursor(cursor)), 2 ** 31 - 1);

const timelineEntryOf = (row: TimelineEntry): TimelineBody => ({
  id: row.id,
  at: row.at.toISOString(),
  from: row.fromStatus as SubscriptionStatus | null,
  to: row.toStatus as SubscriptionStatus,
  trigger: row.trigger,
  cause: { type: row.causeType, id: row.causeId, correlationId: row.correlationId },
  actor: row.actorId ? { id: row.actorId, role: row.actorRole as 'customer' | 'operator' } : null,
  note: row.note,
  chargeId: row.chargeId,
  skippedPeriods: row.skippedPeriods,
  version: row.version,
});
