import type { Envelope } from '@evergreen/contracts/envelope.ts';
import type { Payment } from '@evergreen/contracts/http/gateway.ts';
import type { Currency } from '@evergreen/contracts/money.ts';
import { inTransaction } from '@evergreen/service-kit/database.ts';
import type pg from 'pg';
import { appendEvent, type EventFaults } from './append-event.ts';
import type { Verdict } from './decisions/cards.ts';
import type { PrismaClient } from './generated/client.ts';
import { INSERT_PAYMENT } from './sql/insert-payment.ts';

/** A decided payment with the token it was asked for with, which the answer does not repeat. */
export interface KeptPayment {
  payment: Payment;
  paymentMethod: string;
}

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
    await appendEvent(client, event, faults);
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
