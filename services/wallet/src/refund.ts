import type { EventOf } from '@evergreen/contracts/envelope.ts';
import type { RefundDue } from '@evergreen/contracts/events/subscriptions.ts';
import type { Refund } from '@evergreen/contracts/http/wallet.ts';
import { WALLET_CHARGES } from '@evergreen/contracts/topology.ts';
import { iso } from '@evergreen/service-kit/clock.ts';
import { inTransaction } from '@evergreen/service-kit/database.ts';
import { claimInbox } from '@evergreen/service-kit/inbox.ts';
import { Problem } from '@evergreen/service-kit/problem.ts';
import type pg from 'pg';
import type { Logger } from 'pino';
import type { Refill } from './auto-top-up.ts';
import { orNoRoom, requireRoom } from './balance-limit.ts';
import { userAccountId } from './decisions/accounts.ts';
import { restAfterUnknownMs, startPursuits } from './pursuits.ts';
import {
  claimUnfinishedRefunds,
  type NewRefund,
  postponeRefund,
  type RefundRow,
  readRefund,
  recordRefund,
  settleRefundNow,
} from './refund-store.ts';
import { settledWithin, type TopUpDeps } from './top-up.ts';

/** A request waits this long for the gateway; then it answers `processing`, and the refund finishes by itself. */
const ANSWER_WITHIN_MS = 3_000;

/**
 * Refunds that an operator asks for. To the balance it is done at once; to the payment method it is first written down, which reserves the
 * amount, and then asked of the gateway until its outcome is known.
 */
export function refunds(deps: TopUpDeps & Refill) {
  const pursuits = startPursuits<RefundRow>({
    what: 'refund',
    claim: (limit) => claimUnfinishedRefunds(deps.pool, limit),
    pursue: (refund, { signal }) => pursue(deps, refund, signal),
    logger: deps.logger,
  });
  return {
    /**
     * Begins a refund and waits for its outcome, at most 3 s. The same id again changes nothing.
     * @throws Problem not_found, refund_not_possible; validation_failed when the balance could pass 2^53-1
     */
    async begin(request: Omit<NewRefund, 'businessTime'>): Promise<Refund> {
      const businessTime = iso(await deps.clock.now());
      const { row, isNew } = await inTransaction(deps.pool, async (client) => {
        const recorded = await recordRefund(client, { ...request, businessTime }, deps);
        // Money on its way to this balance has been promised its room.
        if (recorded.isNew && request.to === 'balance') {
          await requireRoom(client, recorded.row.userId, recorded.row.currency);
        }
        return recorded;
      }).catch((error: unknown) => {
        throw orNoRoom(error);
      });
      deps.wakeOutbox();
      if (isNew && row.status === 'processing') await settledWithin(ANSWER_WITHIN_MS, pursuits.begin(row));
      return refundAnswer(await readRefund(deps.pool, row.id));
    },
    stop: pursuits.stop,
  };
}

export type Refunds = ReturnType<typeof refunds>;

/** Asking again under the same key is safe, so there is no need to look first: a refund is never old enough to be forgotten. */
async function pursue(
  deps: TopUpDeps & Refill,
  { id, amount, paymentId, attempts }: RefundRow,
  signal: AbortSignal,
): Promise<void> {
  const outcome = await deps.payments.refund({ key: id, amount, paymentId: paymentId ?? '' }, signal);
  if (outcome.status === 'unknown') {
    const restMs = restAfterUnknownMs(attempts);
    deps.logger.warn({ refundId: id, reason: outcome.reason, restMs }, 'refund outcome unknown');
    await postponeRefund(deps.pool, id, restMs);
    return;
  }
  if (outcome.status === 'declined') {
    deps.logger.warn({ refundId: id, code: outcome.code }, 'the gateway refused a refund, it goes to the balance');
  }
  const to = outcome.status === 'succeeded' ? 'payment_method' : 'balance';
  await settleRefundNow(deps.pool, { refundId: id, to, businessTime: iso(await deps.clock.now()) }, deps);
  deps.wakeOutbox();
}

/**
 * Gives back what subscriptions says is due, to the balance: each refund once, all of a batch in one transaction. An operator
 * may have given back some of the charge before, so what is left of it will do.
 * @throws Problem not_found when the user has no such charge; nothing of the batch has then happened
 */
export async function settleRefundsDue(
  deps: { pool: pg.Pool; wakeOutbox: () => void; logger: Logger } & Refill,
  events: EventOf<typeof RefundDue>[],
): Promise<void> {
  await inTransaction(deps.pool, async (client) => {
    const ids = events.map(({ id }) => id);
    const fresh = await claimInbox(client, WALLET_CHARGES.name, ids);
    // In the order in which accounts are locked everywhere, so that two batches never wait for each other in a circle.
    const due = events.filter(({ id }) => fresh.has(id)).sort((a, b) => (accountKey(a) < accountKey(b) ? -1 : 1));
    for (const event of due) await giveBackWhatIsLeft(client, refundOf(event), deps);
  });
  deps.wakeOutbox();
}

/** A charge that nothing is left of, or that is not paid, leaves nothing to do: the customer has the money. */
async function giveBackWhatIsLeft(
  client: pg.PoolClient,
  refund: NewRefund,
  deps: { logger: Logger } & Refill,
): Promise<void> {
  try {
    await recordRefund(client, { ...refund, orLess: true }, deps);
  } catch (error) {
    // It is thrown before anything is written, so the transaction can go on.
    if (!(error instanceof Problem && error.code === 'refund_not_possible')) throw error;
    const { id: refundId, chargeId } = refund;
    deps.logger.warn({ refundId, chargeId }, 'a refund is due of a charge of which nothing can be given back');
  }
}

const accountKey = ({ data: { userId, currency } }: EventOf<typeof RefundDue>): string =>
  userAccountId(userId, currency);

function refundOf(event: EventOf<typeof RefundDue>): NewRefund {
  const { refundId: id, userId, chargeId, amount, reason, businessTime } = event.data;
  const cause = { type: event.type, correlationId: event.correlationid, causationId: event.id };
  return { id, userId, chargeId, amount, to: 'balance', reason, businessTime, cause };
}

const refundAnswer = ({
  id,
  chargeId,
  status,
  amount,
  currency,
  destination,
  reason,
  businessTime,
}: RefundRow): Refund => ({
  id,
  chargeId,
  status,
  amount,
  currency,
  to: destination,
  reason,
  createdAt: businessTime,
});
