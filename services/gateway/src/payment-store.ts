import type { Envelope } from '@evergreen/contracts/envelope.ts';
import type { Payment } from '@evergreen/contracts/http/gateway.ts';
import type { Currency } from '@evergreen/contracts/money.ts';
import { inTransaction } from '@evergreen/service-kit/database.ts';
import { appendToOutbox } from '@evergreen/service-kit/outbox.ts';
import type pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import type { Verdict } from './decisions/cards.ts';
import type { Outcome } from './decisions/faults.ts';
import type { PrismaClient } from './generated/client.ts';
import { DELAY_EVENT, DUPLICATE_EVENT } from './sql/event-faults.ts';
import { INSERT_PAYMENT } from './sql/insert-payment.ts';

/** A decided payment with the token it was asked for with, which the answer does not repeat. */
export interface KeptPayment {
  payment: Payment;
  paymentMethod: string;
}

/** How its event is published: how often, and how long after the payment was decided. */
export type EventFaults = Pick<Outcome, 'eventCopies' | 'eventDelayMs'>;

/**
 * Keeps a payment and its event, both or neither, unless there is one under the key.
 * @returns whether this payment was kept
 */
export async function keepPayment(
  pool: pg.Pool,
  { payment, paymentMethod }: KeptPayment,
  event: Envelope,
  faults: EventFaults,
): Promise<boolean> {
  const { id, idempotencyKey, status, declineCode, amount, currency, createdAt } = payment;
  const values = [id, idempotencyKey, status, declineCode, amount, currency, paymentMethod, createdAt];
  return inTransaction(pool, async (client) => {
    const { rowCount } = await client.query({ ...INSERT_PAYMENT, values });
    if (rowCount === 0) return false;
    await appendToOutbox(client, [event]);
    if (faults.eventDelayMs > 0) await client.query(DELAY_EVENT, [event.id, faults.eventDelayMs]);
    for (let copy = 2; copy <= faults.eventCopies; copy++) await client.query(DUPLICATE_EVENT, [event.id, uuidv7()]);
    return true;
  });
}

/** The payment kept under a key, captured or declined. */
export async function findPayment(prisma: PrismaClient, idempotencyKey: string): Promise<KeptPayment | undefined> {
  const row = await prisma.payment.findUnique({ where: { idempotencyKey } });
  if (!row) return undefined;
  const { id, status, declineCode, amount, currency, paymentMethod, createdAt } = row;
  // The table's constraints keep status and decline code together.
  const verdict = (declineCode === null ? { status } : { status, declineCode }) as Verdict;
  const payment = {
    id,
    idempotencyKey,
    ...verdict,
    amount: Number(amount),
    currency: currency as Currency,
    createdAt: createdAt.toISOString(),
  };
  return { payment, paymentMethod };
}
