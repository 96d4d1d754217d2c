import type { ChangePlanPreview, Plan, ProrationLine } from '@evergreen/contracts/http/subscriptions.ts';
import type { Caller } from '@evergreen/service-kit/auth.ts';
import { type Clock, iso } from '@evergreen/service-kit/clock.ts';
import { Problem } from '@evergreen/service-kit/problem.ts';
import { readNow } from './business-time.ts';
import { commandSubscription, notNow } from './command-subscription.ts';
import { findRow } from './decisions/lifecycle.ts';
import { type Quote, type QuoteLine, quotePlanChange } from './decisions/plan-change.ts';
import type { Subscription, Terms } from './decisions/subscription.ts';
import type { Trigger } from './decisions/triggers.ts';
import type { PrismaClient } from './generated/client.ts';
import { readPlan, termsOf } from './plans.ts';
import { isHeldAlready } from './sql/holdings.ts';
import { isoPeriod } from './subscription-events.ts';
import type { SubscriptionStore } from './subscription-store.ts';
import { readSubscription } from './subscriptions.ts';

export interface ChangePlanRequest {
  id: string;
  planId: string;
  caller: Caller;
  requestId: string;
}

const VERB = 'change its plan';

/**
 * Changes the plan: an upgrade now, when its difference has been paid; anything else at the end of the period. Asked for the plan
 * it has, it drops a change that is to come. Asked again for a change that is under way, it changes nothing.
 * @throws Problem not_found, plan_not_available, plan_change_not_possible, already_subscribed, invalid_transition
 */
export async function changePlan(
  deps: { prisma: PrismaClient; store: SubscriptionStore; clock: Clock },
  { id, planId, caller, requestId }: ChangePlanRequest,
): Promise<Subscription> {
  const plan = await readPlan(deps.prisma, planId);
  const changed = commandSubscription(deps, {
    id,
    route: 'POST /v1/subscriptions/{id}/change-plan',
    verb: VERB,
    caller,
    requestId,
    triggerOf: (subscription, at) => triggerOf(subscription, plan, at),
  });
  return changed.catch((error: unknown) => {
    throw isHeldAlready(error)
      ? new Problem('already_subscribed', `You have ${plan.name} already, or change to it`)
      : error;
  });
}

/**
 * What a change of plan would cost and do at this moment. It promises nothing: with every moment less of the period is left.
 * @throws Problem as `changePlan`
 */
export async function previewPlanChange(
  { prisma, clock }: { prisma: PrismaClient; clock: Clock },
  { id, planId, caller }: Pick<ChangePlanRequest, 'id' | 'planId' | 'caller'>,
): Promise<ChangePlanPreview> {
  const subscription = await readSubscription(prisma, caller.id, id);
  const plan = await readPlan(prisma, planId);
  const at = await readNow(clock);
  requireChangeable(subscription, plan, at);
  const terms = termsOf(plan);
  const quote = quotePlanChange(subscription, terms, at);
  return previewOf(subscription, { terms, quote, at });
}

function triggerOf(subscription: Subscription, plan: Plan, at: Temporal.Instant): Trigger | null {
  if (subscription.change?.planId === plan.id) return null;
  if (subscription.change && subscription.terms.planId === plan.id) return { name: 'drop_change', at };
  requireChangeable(subscription, plan, at);
  const terms = termsOf(plan);
  if (subscription.isTrial) return { name: 'switch_plan', at, terms };
  const { paysFor, dueMinor } = quotePlanChange(subscription, terms, at);
  // An upgrade that is not paid must leave all as it was.
  if (paysFor && subscription.change) {
    const detail = `It changes to ${subscription.change.planName} at the end of the period; choose ${subscription.terms.planName} again first`;
    throw new Problem('plan_change_not_possible', detail);
  }
  return paysFor
    ? { name: 'upgrade', at, terms, amountMinor: dueMinor, period: paysFor }
    : { name: 'schedule_change', at, terms };
}

/** @throws Problem invalid_transition, plan_change_not_possible, plan_not_available */
function requireChangeable(subscription: Subscription, plan: Plan, at: Temporal.Instant): void {
  const { terms, isTrial } = subscription;
  if (!findRow(subscription, isTrial ? 'switch_plan' : 'upgrade', at)) throw notNow(subscription, VERB, at);
  if (terms.planId === plan.id) throw new Problem('plan_change_not_possible', `It is on ${plan.name} already`);
  if (!plan.active) throw new Problem('plan_not_available', `${plan.name} is not sold any more`);
  if (terms.price.currency !== plan.price.currency) {
    const detail = `It is paid in ${terms.price.currency}, and ${plan.name} is sold in ${plan.price.currency}`;
    throw new Problem('plan_change_not_possible', detail);
  }
}

function previewOf(
  subscription: Subscription,
  { terms, quote, at }: { terms: Terms; quote: Quote; at: Temporal.Instant },
): ChangePlanPreview {
  const { currency } = terms.price;
  const { applies, period } = quote;
  const atPeriodEnd = applies === 'period_end';
  return {
    applies,
    appliesAt: iso(atPeriodEnd ? period.start : at),
    from: summaryOf(subscription.terms),
    to: summaryOf(terms),
    lines: quote.lines.map((line) => lineOf(line, subscription.terms, terms)),
    dueNow: { amount: quote.dueMinor, currency },
    period: isoPeriod(period),
    nextRenewal: { at: iso(atPeriodEnd ? period.start : period.end), amount: terms.price },
  };
}

const summaryOf = ({ planId, planName, price, interval }: Terms) => ({ planId, planName, price, interval });

function lineOf(line: QuoteLine, before: Terms, after: Terms): ProrationLine {
  const isNew = line.kind === 'new_plan';
  return {
    kind: line.kind,
    description: isNew ? `${after.planName}, what is left of the period` : `${before.planName}, paid and not used`,
    price: { amount: line.priceMinor, currency: after.price.currency },
    from: iso(line.span.start),
    to: iso(line.span.end),
    partMs: line.partMs,
    wholeMs: line.wholeMs,
    amount: isNew ? line.amountMinor : -line.amountMinor,
  };
}
