import type { Envelope } from '@evergreen/contracts/envelope.ts';
import { PaymentRefunded } from '@evergreen/contracts/events/gateway.ts';
import type { PaymentRefund } from '@evergreen/contracts/http/gateway.ts';
import { iso } from '@evergreen/service-kit/clock.ts';
import { newEvent } from '@evergreen/service-kit/events.ts';
import { Problem } from '@evergreen/service-kit/problem.ts';
import { v7 as uuidv7 } from 'uuid';
import { type Attempt, runAttempt } from './attempt.ts';
import { findRefund, keepRefund } from './refund-store.ts';
import type { PaymentDeps } from './take-payment.ts';

export interface RefundRequest {
  paymentId: string;
  idempotencyKey: string;
  /** In minor units of the payment's currency. */
  amount: number;
  /** The request that began it, for the event. */
  correlationId: string;
}

/**
 * One attempt to give money of a payment back: after some latency it is given back once per idempotency key, with its event,
 * unless a fault ends the attempt before. All refunds of a payment together never exceed it.
 * @throws Problem not_found without such a payment; refund_not_possible; idempotency_key_reused when the key was used for another
 * amount or payment
 */
export function refundPayment(deps: PaymentDeps, request: RefundRequest): Promise<Attempt<PaymentRefund>> {
  return runAttempt(deps, 0, async (outcome) => {
    const { paymentId, idempotencyKey, amount } = request;
    const wanted = { id: uuidv7(), paymentId, idempotencyKey, amount, createdAt: iso(await deps.clock.now()) };
    const refund = await keepRefund(deps.pool, wanted, (kept) => eventOf(kept, request), outcome);
    if (!refund) return { decided: await earlierRefund(deps, request), isRepeat: true };
    deps.relay.wake();
    return { decided: refund, isRepeat: false };
  });
}

async function earlierRefund(
  { prisma }: PaymentDeps,
  { paymentId, idempotencyKey, amount }: RefundRequest,
): Promise<PaymentRefund> {
  const kept = await findRefund(prisma, idempotencyKey);
  if (!kept) throw new Problem('not_found', 'There is no such payment');
  if (kept.paymentId !== paymentId || kept.amount !== amount) throw new Problem('idempotency_key_reused');
  return kept;
}

function eventOf(refund: PaymentRefund, { correlationId }: RefundRequest): Envelope {
  const { id, paymentId, idempotencyKey, amount, currency, createdAt } = refund;
  const data = { refundId: id, paymentId, idempotencyKey, amount, currency, decidedAt: createdAt };
  return newEvent(PaymentRefunded, { subject: id, time: createdAt, correlationId, data });
}
