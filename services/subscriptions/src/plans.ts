import type {
  CreatePlanBody,
  Interval,
  Plan as PlanBody,
  PlanQuery,
  PlanVersion as PlanVersionBody,
} from '@evergreen/contracts/http/subscriptions.ts';
import type { Currency } from '@evergreen/contracts/money.ts';
import type { PageQuery } from '@evergreen/contracts/primitives.ts';
import { decodeCursor, pageOf } from '@evergreen/service-kit/page.ts';
import { Problem } from '@evergreen/service-kit/problem.ts';
import type { Terms } from './decisions/subscription.ts';
import type { Plan, PlanVersion, PrismaClient } from './generated/client.ts';

const DEFAULT_GRACE_DAYS = 7;
const DEFAULT_NOTICE_DAYS = 3;

type VersionedPlan = Plan & { versions: PlanVersion[] };

/** With what is sold now. */
export const WITH_NEWEST = { versions: { orderBy: { version: 'desc' }, take: 1 } } as const;

/**
 * Creates a plan. Run again with the same id, after a crash, it answers the plan that is there.
 * @param id UUIDv7, chosen with the idempotency key
 */
export async function createPlan(
  prisma: PrismaClient,
  { id, createdAt, body }: { id: string; createdAt: Temporal.Instant; body: CreatePlanBody },
): Promise<PlanBody> {
  const at = new Date(createdAt.epochMilliseconds);
  const first = {
    version: 1,
    name: body.name,
    description: body.description ?? '',
    priceAmount: BigInt(body.price.amount),
    trialDays: body.trialDays ?? 0,
    graceDays: body.graceDays ?? DEFAULT_GRACE_DAYS,
    accessDuringGrace: body.accessDuringGrace ?? false,
    noticeDays: body.noticeDays ?? DEFAULT_NOTICE_DAYS,
    forAll: true,
    createdAt: at,
  };
  const create = {
    id,
    currency: body.price.currency,
    intervalUnit: body.interval.unit,
    intervalCount: body.interval.count,
    active: true,
    version: 1,
    versionForAll: 1,
    createdAt: at,
    versions: { create: first },
  };
  return viewOf(await prisma.plan.upsert({ where: { id }, create, update: {}, include: WITH_NEWEST }));
}

/** Newest first; what is not sold any more only when it is asked for. */
export async function listPlans(prisma: PrismaClient, { limit = 20, cursor, includeInactive }: PlanQuery) {
  const rows = await prisma.plan.findMany({
    where: {
      ...(includeInactive ? {} : { active: true }),
      ...(cursor === undefined ? {} : { seq: { lt: decodeCursor(cursor) } }),
    },
    include: WITH_NEWEST,
    orderBy: { seq: 'desc' },
    take: limit + 1,
  });
  return pageOf(rows, limit, viewOf);
}

/**
 * Also a plan that is not sold any more, for those who have it.
 * @throws Problem not_found
 */
export async function readPlan(prisma: Pick<PrismaClient, 'plan'>, id: string): Promise<PlanBody> {
  const plan = await prisma.plan.findUnique({ where: { id }, include: WITH_NEWEST });
  if (!plan) throw noSuchPlan(id);
  return viewOf(plan);
}

/**
 * What was sold under its name and when, newest first.
 * @throws Problem not_found
 */
export async function listPlanVersions(prisma: PrismaClient, planId: string, { limit = 20, cursor }: PageQuery) {
  const plan = await prisma.plan.findUnique({ where: { id: planId } });
  if (!plan) throw noSuchPlan(planId);
  const rows = await prisma.planVersion.findMany({
    where: {
      planId,
      ...(cursor === undefined ? {} : { version: { lt: Math.min(Number(decodeCursor(cursor)), 2 ** 31 - 1) } }),
    },
    orderBy: { version: 'desc' },
    take: limit + 1,
  });
  const numbered = rows.map((row) => ({ ...row, seq: row.version, currency: plan.currency }));
  return pageOf(numbered, limit, versionViewOf);
}

/** What somebody agrees to who takes the plan now. */
export const termsOf = (plan: PlanBody): Terms => ({
  planId: plan.id,
  planName: plan.name,
  planVersion: plan.version,
  price: plan.price,
  interval: plan.interval,
  graceDays: plan.graceDays,
  accessDuringGrace: plan.accessDuringGrace,
  noticeDays: plan.noticeDays,
});

export const noSuchPlan = (id: string): Problem => new Problem('not_found', `There is no plan ${id}`);

export function viewOf(plan: VersionedPlan): PlanBody {
  const [newest] = plan.versions;
  if (!newest) throw new Error(`plan ${plan.id} has no version`);
  return {
    id: plan.id,
    name: newest.name,
    description: newest.description,
    price: { amount: Number(newest.priceAmount), currency: plan.currency as Currency },
    interval: { unit: plan.intervalUnit, count: plan.intervalCount } as Interval,
    trialDays: newest.trialDays,
    graceDays: newest.graceDays,
    accessDuringGrace: newest.accessDuringGrace,
    noticeDays: newest.noticeDays,
    active: plan.active,
    version: newest.version,
    createdAt: plan.createdAt.toISOString(),
  };
}

const versionViewOf = (row: PlanVersion & { currency: string }): PlanVersionBody => ({
  version: row.version,
  name: row.name,
  description: row.description,
  price: { amount: Number(row.priceAmount), currency: row.currency as Currency },
  trialDays: row.trialDays,
  graceDays: row.graceDays,
  accessDuringGrace: row.accessDuringGrace,
  noticeDays: row.noticeDays,
  appliesTo: row.forAll ? 'all_subscriptions' : 'new_subscriptions',
  createdAt: row.createdAt.toISOString(),
});
