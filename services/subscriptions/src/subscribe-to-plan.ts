import type { Caller } from '@evergreen/service-kit/auth.ts';
import type { Clock } from '@evergreen/service-kit/clock.ts';
import { invalidField, Problem } from '@evergreen/service-kit/problem.ts';
import type pg from 'pg';
import { readNow } from './business-time.ts';
import { subscribe } from './decisions/subscribe.ts';
import type { Subscription } from './decisions/subscription.ts';
import type { PrismaClient } from './generated/client.ts';
import { readPlan, termsOf } from './plans.ts';
import { hadBefore, isHeldAlready } from './sql/holdings.ts';
import type { SubscriptionStore } from './subscription-store.ts';
import { findSubscription, readSubscription } from './subscriptions.ts';

export interface SubscribeRequest {
  /** The id of the subscription, UUIDv7, chosen with the idempotency key. */
  id: string;
  planId: string;
  caller: Caller;
  requestId: string;
}

/**
 * Subscribes the caller to a plan at its price of now. Run again with the same id, after a crash, it answers the subscription
 * that is there. A trial is for who subscribes to the plan for the first time.
 * @throws Problem not_found, plan_not_available, already_subscribed, validation_failed for an unknown time zone
 */
export async function subscribeToPlan(
  deps: { prisma: PrismaClient; pool: pg.Pool; store: SubscriptionStore; clock: Clock },
  { id, planId, caller, requestId }: SubscribeRequest,
): Promise<Subscription> {
  const { prisma, pool, store, clock } = deps;
  const existing = await findSubscription(prisma, caller.id, id);
  if (existing) return existing;
  const plan = await readPlan(prisma, planId);
  if (!plan.active) throw new Problem('plan_not_available', `${plan.name} is not sold any more`);
  const move = subscribe({
    id,
    userId: caller.id,
    terms: termsOf(plan),
    timeZone: knownTimeZone(caller.timeZone),
    trialDays: (await hadBefore(pool, caller.id, planId)) ? 0 : plan.trialDays,
    at: await readNow(clock),
  });
  const cause = { type: 'POST /v1/subscriptions', id: requestId, correlationId: requestId };
  const isNew = await store.begin({ ...move, cause }).catch((error: unknown) => {
    throw isHeldAlready(error)
      ? new Problem('already_subscribed', `You have ${plan.name} already; a canceled one can be resumed until it ends`)
      : error;
  });
  return isNew ? move.after : readSubscription(prisma, caller.id, id);
}

function knownTimeZone(timeZone: string): string {
  try {
    return new Temporal.ZonedDateTime(0n, timeZone).timeZoneId;
  } catch {
    throw invalidField('token.zoneinfo', 'is not a time zone we know');
  }
}
