import type { CreatePlanBody, Interval, Plan as PlanBody, PlanQuery } from '@evergreen/contracts/http/subscriptions.ts';
import type { Currency } from '@evergreen/contracts/money.ts';
import { decodeCursor, pageOf } from '@evergreen/service-kit/page.ts';
import { Problem } from '@evergreen/service-kit/problem.ts';
import type { Plan, PrismaClient } from './generated/client.ts';

const DEFAULT_GRACE_DAYS = 7;

/**
 * Creates a plan. Run again with the same id, after a crash, it answers the plan that is there.
 * @param id UUIDv7, chosen with the idempotency key
 */
export async function createPlan(
  prisma: PrismaClient,
  { id, createdAt, body }: { id: string; createdAt: Temporal.Instant; body: CreatePlanBody },
): Promise<PlanBody> {
  const create = {
    id,
    name: body.name,
    description: body.description ?? '',
    priceAmount: BigInt(body.price.amount),
    currency: body.price.currency,
    intervalUnit: body.interval.unit,
    intervalCount: body.interval.count,
    trialDays: body.trialDays ?? 0,
    graceDays: body.graceDays ?? DEFAULT_GRACE_DAYS,
    accessDuringGrace: body.accessDuringGrace ?? false,
    active: true,
    createdAt: new Date(createdAt.epochMilliseconds),
  };
  return viewOf(await prisma.plan.upsert({ where: { id }, create, update: {} }));
}

/** Newest first; what is not sold any more only when it is asked for. */
export async function listPlans(prisma: PrismaClient, { limit = 20, cursor, includeInactive }: PlanQuery) {
  const rows = await prisma.plan.findMany({
    where: {
      ...(includeInactive ? {} : { active: true }),
      ...(cursor === undefined ? {} : { seq: { lt: decodeCursor(cursor) } }),
    },
    orderBy: { seq: 'desc' },
    take: limit + 1,
  });
  return pageOf(rows, limit, viewOf);
}

/** Also a plan that is not sold any more, for those who have it. */
export async function readPlan(prisma: PrismaClient, id: string): Promise<PlanBody> {
  const plan = await prisma.plan.findUnique({ where: { id } });
  if (!plan) throw new Problem('not_found', `There is no plan ${id}`);
  return viewOf(plan);
}

const viewOf = (plan: Plan): PlanBody => ({
  id: plan.id,
  name: plan.name,
  description: plan.description,
  price: { amount: Number(plan.priceAmount), currency: plan.currency as Currency },
  interval: { unit: plan.intervalUnit, count: plan.intervalCount } as Interval,
  trialDays: plan.trialDays,
  graceDays: plan.graceDays,
  accessDuringGrace: plan.accessDuringGrace,
  active: plan.active,
  createdAt: plan.createdAt.toISOString(),
});
