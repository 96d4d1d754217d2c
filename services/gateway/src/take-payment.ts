import type { Envelope } from '@evergreen/contracts/envelope.ts';
import { PaymentDeclined, PaymentSucceeded } from '@evergreen/contracts/events/gateway.ts';
import type { Payment, PaymentBody } from '@evergreen/contracts/http/gateway.ts';
import { type Clock, iso } from '@evergreen/service-kit/clock.ts';
import { newEvent } from '@evergreen/service-kit/events.ts';
import { failpoint } from '@evergreen/service-kit/failpoint.ts';
import { Problem } from '@evergreen/service-kit/problem.ts';
import type pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { type Attempt, runAttempt } from './attempt.ts';
import { findCard, verdictOn } from './decisions/cards.ts';
import type { PrismaClient } from './generated/client.ts';
import type { Holds } from './holds.ts';
import { findPayment, type KeptPayment, keepPayment } from './payment-store.ts';

export interface PaymentDeps {
  pool: pg.Pool;
  prisma: PrismaClient;
  clock: Clock;
  holds: Holds;
  relay: { wake(): void };
}

export interface PaymentRequest {
  idempotencyKey: string;
  body: PaymentBody;
  /** The request that began it, for the event. */
  correlationId: string;
}

/**
 * One attempt to pay: after some latency the payment is decided once per idempotency key, with its event, unless a fault
 * ends the attempt before. Repeats are attempts of their own: they have faults too, and never a second capture.
 * @throws Problem unknown_payment_method; idempotency_key_reused when the key was used for another body
 */
export async function takePayment(deps: PaymentDeps, request: PaymentRequest): Promise<Attempt<Payment>> {
  const { amount, currency, paymentMethod } = request.body;
  const card = findCard(paymentMethod);
  if (!card) throw new Problem('unknown_payment_method', `There is no ${paymentMethod}; see GET /payment-methods`);
  return runAttempt(deps, card.slowMs ?? 0, async (outcome) => {
    const payment: Payment = {
      id: uuidv7(),
      idempotencyKey: request.idempotencyKey,
      ...verdictOn(card, outcome.declined),
      amount,
      currency,
      createdAt: iso(await deps.clock.now()),
    };
    failpoint('gateway-before-capture');
    const isNew = await keepPayment(deps.pool, { payment, paymentMethod }, eventOf(payment, request), outcome);
    if (!isNew) return { decided: await earlierPayment(deps, request), isRepeat: true };
    failpoint('gateway-after-capture');
    deps.relay.wake();
    return { decided: payment, isRepeat: false };
  });
}

async function earlierPayment({ prisma }: PaymentDeps, { idempotencyKey, body }: PaymentRequest): Promise<Payment> {
  const kept = await findPayment(prisma, idempotencyKey);
  if (!kept) throw new Error('a payment was there, and is not any more');
  if (!isSameRequest(kept, body)) throw new Problem('idempotency_key_reused');
  return kept.payment;
}

const isSameRequest = ({ payment, paymentMethod }: KeptPayment, body: PaymentBody): boolean =>
  payment.amount === body.amount && payment.currency === body.currency && paymentMethod === body.paymentMethod;

function eventOf(payment: Payment, { correlationId }: PaymentRequest): Envelope {
  const { id, idempotencyKey, declineCode, amount, currency, createdAt } = payment;
  const data = { paymentId: id, idempotencyKey, amount, currency, decidedAt: createdAt };
  const about = { subject: id, time: createdAt, correlationId };
  return declineCode === undefined
    ? newEvent(PaymentSucceeded, { ...about, data })
    : newEvent(PaymentDeclined, { ...about, data: { ...data, declineCode } });
}
