import type { ExtendBody } from '@evergreen/contracts/http/subscription-operations.ts';
import type { Caller } from '@evergreen/service-kit/auth.ts';
import type { Clock } from '@evergreen/service-kit/clock.ts';
import { invalidField } from '@evergreen/service-kit/problem.ts';
import type pg from 'pg';
import { commandSubscription } from './command-subscription.ts';
import { isBefore, later } from './decisions/periods.ts';
import type { Subscription } from './decisions/subscription.ts';
import type { PrismaClient } from './generated/client.ts';
import { namedMoment } from './named-moment.ts';
import { isExtendedAlready, selectExtension } from './sql/history.ts';
import type { SubscriptionStore } from './subscription-store.ts';
import { ANYBODY, readSubscription } from './subscriptions.ts';

export interface ExtendRequest {
  id: string;
  body: ExtendBody;
  caller: Caller;
  requestId: string;
  /** Chosen with the idempotency key: under one id an extension is made once, also when it is run again after a crash. */
  extensionId: string;
}

/**
 * Moves the end of what somebody has for free: of the period or trial, or of the days in which a renewal can be paid.
 * @throws Problem not_found, invalid_transition, validation_failed unless it is exactly one of `by` and `until`, later than the end
 * there is and than now, and at most 10 years ahead
 */
export async function extendSubscription(
  deps: { prisma: PrismaClient; pool: pg.Pool; store: SubscriptionStore; clock: Clock },
  { id, body, caller, requestId, extensionId }: ExtendRequest,
): Promise<Subscription> {
  const { rowCount } = await deps.pool.query(selectExtension(extensionId));
  if (rowCount !== 0) return readSubscription(deps.prisma, ANYBODY, id);
  const extended = commandSubscription(deps, {
    id,
    route: 'POST /v1/operator/subscriptions/{id}/extend',
    verb: 'be extended',
    caller,
    asOperator: true,
    note: body.reason,
    requestId,
    causeId: extensionId,
    triggerOf: (subscription, at) => ({ name: 'extend', at, until: newEnd(subscription, body, at) }),
  });
  return extended.catch((error: unknown) => {
    if (!isExtendedAlready(error)) throw error;
    return readSubscription(deps.prisma, ANYBODY, id);
  });
}

function newEnd(subscription: Subscription, body: ExtendBody, at: Temporal.Instant): Temporal.Instant {
  const end = endOf(subscription, at);
  const { moment, field } = namedMoment(body, 'until', { from: end, now: at, timeZone: subscription.timeZone });
  if (!isBefore(later(end, at), moment)) throw invalidField(field, `must lead beyond ${later(end, at)}`);
  return moment;
}

/** The end that an extension moves. Where there is none the lifecycle refuses the move, whatever the date. */
function endOf(subscription: Subscription, at: Temporal.Instant): Temporal.Instant {
  const { status, graceEndsAt, currentPeriod } = subscription;
  if (status === 'pending_renewal' && graceEndsAt) return graceEndsAt;
  return currentPeriod?.end ?? at;
}
