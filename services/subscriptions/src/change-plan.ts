import type { ChangePlanPreview, Plan, ProrationLine } from '@evergreen/contracts/http/subscriptions.ts';
import type { Caller } from '@evergreen/service-kit/auth.ts';
import { type Clock, iso } from '@evergreen/service-kit/clock.ts';
import { Problem } from '@evergreen/service-kit/problem.ts';
import type pg from 'pg';
import { readNow } from './business-time.ts';
import { commandSubscription, notNow } from './command-subscription.ts';
import { findRow } from './decisions/lifecycle.ts';
import { wholeDaysBetween } from './decisions/periods.ts';
import { freeOfCharge, type Quote, type QuoteLine, quotePlanChange } from './decisions/plan-change.ts';
import { periodInUse, type Subscription, type Terms } from './decisions/subscription.ts';
import type { Trigger } from './decisions/triggers.ts';
import type { PrismaClient } from './generated/client.ts';
import { readPlan, termsOf } from './plans.ts';
import { hadBefore, isHeldAlready, isHeldByAnother } from './sql/holdings.ts';
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
  deps: { prisma: PrismaClient; pool: pg.Pool; store: SubscriptionStore; clock: Clock },
  { id, planId, caller, requestId }: ChangePlanRequest,
): Promise<Subscription> {
  const plan = await readPlan(deps.prisma, planId);
  const isNew = !(await hadBefore(deps.pool, caller.id, planId));
  const changed = commandSubscription(deps, {
    id,
    route: 'POST /v1/subscriptions/{id}/change-plan',
    verb: VERB,
    caller,
    requestId,
    triggerOf: (subscription, at) => choiceOf(subscription, { plan, isNew }, at).trigger,
  });
  return changed.catch((error: unknown) => {
    throw isHeldAlready(error) ? alreadySubscribed(plan) : error;
  });
}

/**
 * What a change of plan would cost and do at this moment. It promises nothing: with every moment less of the period is left.
 * @throws Problem as `changePlan`
 */
export async function previewPlanChange(
  { prisma, pool, clock }: { prisma: PrismaClient; pool: pg.Pool; clock: Clock },
  { id, planId, caller }: Pick<ChangePlanRequest, 'id' | 'planId' | 'caller'>,
): Promise<ChangePlanPreview> {
  const subscription = await readSubscription(prisma, caller.id, id);
  const plan = await readPlan(prisma, planId);
  const at = await readNow(clock);
  const isNew = !(await hadBefore(pool, caller.id, planId));
  const { terms, quote } = choiceOf(subscription, { plan, isNew }, at);
  if (!quote) throw notNow(subscription, VERB, at);
  if (await isHeldByAnother(pool, subscription, planId)) throw alreadySubscribed(plan);
  return previewOf(subscription, { terms, quote, at });
}

const alreadySubscribed = ({ name }: Plan): Problem =>
  new Problem('already_subscribed', `You have ${name} already, or change to it`);

/** What it means to choose a plan. */
interface Choice {
  /** Null when it was chosen before. */
  trigger: Trigger | null;
  terms: Terms;
  /** Null while the payment for it is on its way. */
  quote: Quote | null;
}

/**
 * @param offer `isNew`: the customer never had the plan
 * @throws Problem invalid_transition, plan_change_not_possible, plan_not_available
 */
function choiceOf(
  subscription: Subscription,
  { plan, isNew }: { plan: Plan; isNew: boolean },
  at: Temporal.Instant,
): Choice {
  const { terms: current, change, charge, isTrial } = subscription;
  if (change?.planId === plan.id && charge) return { trigger: null, terms: change, quote: null };
  if (!findRow(subscription, isTrial ? 'switch_plan' : 'upgrade', at)) throw notNow(subscription, VERB, at);
  if (current.planId === plan.id) {
    if (!change) throw notPossible(`It is on ${plan.name} already`);
    return { trigger: { name: 'drop_change', at }, terms: current, quote: freeOfCharge(subscription) };
  }
  if (!plan.active) throw new Problem('plan_not_available', `${plan.name} is not sold any more`);
  if (current.price.currency !== plan.price.currency) {
    throw notPossible(`It is paid in ${current.price.currency}, and ${plan.name} is sold in ${plan.price.currency}`);
  }
  const terms = termsOf(plan);
  const quote = quotePlanChange(subscription, terms, at);
  if (change?.planId === plan.id) return { trigger: null, terms, quote };
  if (isTrial) {
    if (!isNew || plan.trialDays < trialDays(subscription))
      throw notPossible(`${plan.name} has no such trial for you; subscribe to it`);
    return { trigger: { name: 'switch_plan', at, terms }, terms, quote };
  }
  if (!quote.paysFor) return { trigger: { name: 'schedule_change', at, terms }, terms, quote };
  // An upgrade that is not paid must leave all as it was.
  if (change)
    throw notPossible(
      `It changes to ${change.planName} at the end of the period; choose ${current.planName} again first`,
    );
  return { trigger: { name: 'upgrade', at, terms, amountMinor: quote.dueMinor, period: quote.paysFor }, terms, quote };
}

/** Whole days, so that one in which the clocks change counts as any other. */
const trialDays = (subscription: Subscription): number => {
  const { start, end } = periodInUse(subscription);
  return wholeDaysBetween(start, end, subscription.timeZone);
};

const notPossible = (detail: string): Problem => new Problem('plan_change_not_possible', detail);

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
