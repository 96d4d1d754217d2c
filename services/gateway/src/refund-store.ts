import type { Envelope } from '@evergreen/contracts/envelope.ts';
import type { PaymentRefund } from '@evergreen/contracts/http/gateway.ts';
import type { Currency } from '@evergreen/contracts/money.ts';
import { inTransaction } from '@evergreen/service-kit/database.ts';
import { Problem } from '@evergreen/service-kit/problem.ts';
import type pg from 'pg';
import { appendEvent, type EventFaults } from './append-event.ts';
import type { PrismaClient } from './generated/client.ts';
import { INSERT_REFUND, TAKE_FROM_PAYMENT } from './sql/refund.ts';

/**
 * Keeps a refund and its event and takes its amount out of the payment: all of it, or nothing. The currency is the payment's.
 * @returns the refund, or undefined when its key is taken or there is no such payment
 * @throws Problem refund_not_possible when the payment was declined, or less than the amount is left of it
 */
export async function keepRefund(
  pool: pg.Pool,
  { id, paymentId, idempotencyKey, amount, createdAt }: Omit<PaymentRefund, 'currency'>,
  eventOf: (refund: PaymentRefund) => Envelope,
  faults: EventFaults,
): Promise<PaymentRefund | undefined> {
  return inTransaction(pool, async (client) => {
    const values = [id, paymentId, idempotencyKey, amount, createdAt];
    const { rowCount } = await client.query({ ...INSERT_REFUND, values });
    if (rowCount === 0) return undefined;
    const taken = await client.query<{ currency: Currency }>({ ...TAKE_FROM_PAYMENT, values: [paymentId, amount] });
    const [payment] = taken.rows;
    if (!payment) {
      throw new Problem('refund_not_possible', 'It was declined, or less than that is left of what was captured');
    }
    const refund = { id, paymentId, idempotencyKey, amount, currency: payment.currency, createdAt };
    await appendEvent(client, eventOf(refund), faults);
    return refund;
  });
}

/** The refund kept under a key. */
export async function findRefund(prisma: PrismaClient, idempotencyKey: string): Promise<PaymentRefund | undefined> {
  const row = await prisma.paymentRefund.findUnique({
    where: { idempotencyKey },
    include: { payment: { select: { currency: true } } },
  });
  if (!row) return undefined;
  const { id, paymentId, amount, payment, createdAt } = row;
  const currency = payment.currency as Currency;
  return { id, paymentId, idempotencyKey, amount: Number(amount), currency, createdAt: createdAt.toISOString() };
}
