import type { Plan as PlanBody, UpdatePlanBody } from '@evergreen/contracts/http/subscriptions.ts';
import { invalidField, type Problem } from '@evergreen/service-kit/problem.ts';
import type { PlanVersion, PrismaClient } from './generated/client.ts';
import { noSuchPlan, viewOf, WITH_NEWEST } from './plans.ts';

/**
 * Changes what is sold. Each change is a version of its own; new subscriptions get the newest. Those who have the plan keep what
 * they agreed to, or get the version from their next period on, as `appliesTo` says. What changes nothing makes no version.
 * @throws Problem not_found, validation_failed for another currency
 */
export async function updatePlan(
  prisma: PrismaClient,
  { id, at, body }: { id: string; at: Temporal.Instant; body: UpdatePlanBody },
): Promise<PlanBody> {
  return prisma.$transaction(async (transaction) => {
    // Two operators at once take turns, so versions are numbered without a gap.
    await transaction.$queryRaw`SELECT FROM plan WHERE id = ${id}::uuid FOR UPDATE`;
    const plan = await transaction.plan.findUnique({ where: { id }, include: WITH_NEWEST });
    const newest = plan?.versions[0];
    if (!newest) throw noSuchPlan(id);
    if (body.price && body.price.currency !== plan.currency) throw otherCurrency(plan.currency);
    const forAll = body.appliesTo === 'all_subscriptions';
    const offer = changed(newest, body);
    const isNew = offer !== null || (forAll && plan.versionForAll < plan.version);
    const version = isNew ? plan.version + 1 : plan.version;
    if (isNew) {
      const createdAt = new Date(at.epochMilliseconds);
      await transaction.planVersion.create({ data: { ...newest, ...offer, version, forAll, createdAt } });
    }
    const updated = await transaction.plan.update({
      where: { id },
      data: { version, active: body.active ?? plan.active, ...(isNew && forAll && { versionForAll: version }) },
      include: WITH_NEWEST,
    });
    return viewOf(updated);
  });
}

type Offer = Pick<
  PlanVersion,
  'name' | 'description' | 'priceAmount' | 'trialDays' | 'graceDays' | 'accessDuringGrace' | 'noticeDays'
>;

/** What is offered from now on, or null when that is what was offered before. */
function changed(newest: PlanVersion, body: UpdatePlanBody): Offer | null {
  const offer: Offer = {
    name: body.name ?? newest.name,
    description: body.description ?? newest.description,
    priceAmount: body.price ? BigInt(body.price.amount) : newest.priceAmount,
    trialDays: body.trialDays ?? newest.trialDays,
    graceDays: body.graceDays ?? newest.graceDays,
    accessDuringGrace: body.accessDuringGrace ?? newest.accessDuringGrace,
    noticeDays: body.noticeDays ?? newest.noticeDays,
  };
  const keys = Object.keys(offer) as (keyof Offer)[];
  return keys.some((key) => offer[key] !== newest[key]) ? offer : null;
}

const otherCurrency = (currency: string): Problem =>
  invalidField('body.price.currency', `must be ${currency}: a plan keeps its currency`);
