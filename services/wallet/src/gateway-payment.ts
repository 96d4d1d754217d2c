import type { EventOf } from '@evergreen/contracts/envelope.ts';
import { PaymentDeclined, type PaymentRefunded, type PaymentSucceeded } from '@evergreen/contracts/events/gateway.ts';
import { WALLET_PAYMENTS } from '@evergreen/contracts/topology.ts';
import { iso } from '@evergreen/service-kit/clock.ts';
import { inTransaction } from '@evergreen/service-kit/database.ts';
import { claimInbox } from '@evergreen/service-kit/inbox.ts';
import type pg from 'pg';
import type { Refill } from './auto-top-up.ts';
import { settleRefund } from './refund-store.ts';
import { type Settlement, settleTopUps } from './top-up-store.ts';

type PaymentEvent = EventOf<typeof PaymentSucceeded> | EventOf<typeof PaymentDeclined>;

/**
 * The gateway's own word on payments: the second way to the truth, for when its HTTP answer was lost. Whichever of the two
 * comes first settles the top-up, and the other finds it settled.
 */
export async function settleGatewayPayments(
  deps: { pool: pg.Pool; wakeOutbox: () => void } & Refill,
  events: PaymentEvent[],
): Promise<void> {
  const businessTime = iso(await deps.clock.now());
  await inTransaction(deps.pool, async (client) => {
    const fresh = await claimInbox(
      client,
      WALLET_PAYMENTS.name,
      events.map(({ id }) => id),
    );
    const settlements = events.filter(({ id }) => fresh.has(id)).map((event) => settlementOf(event, businessTime));
    await settleTopUps(client, settlements, deps);
  });
  deps.wakeOutbox();
}

function settlementOf(event: PaymentEvent, businessTime: string): Settlement {
  const topUpId = event.data.idempotencyKey;
  const common = { topUpId, businessTime, causedBy: { type: event.type, causationId: event.id } };
  if (event.type === PaymentDeclined.type) {
    const { declineCode } = (event as EventOf<typeof PaymentDeclined>).data;
    return { ...common, status: 'declined', code: declineCode, message: 'The payment method was declined' };
  }
  return { ...common, status: 'succeeded', paymentId: event.data.paymentId };
}

/** The same for refunds to the payment method. */
export async function settleGatewayRefunds(
  deps: { pool: pg.Pool; wakeOutbox: () => void } & Refill,
  events: EventOf<typeof PaymentRefunded>[],
): Promise<void> {
  const businessTime = iso(await deps.clock.now());
  await inTransaction(deps.pool, async (client) => {
    const ids = events.map(({ id }) => id);
    const fresh = await claimInbox(client, WALLET_PAYMENTS.name, ids);
    for (const { id, data } of events) {
      if (fresh.has(id))
        await settleRefund(client, { refundId: data.idempotencyKey, to: 'payment_method', businessTime }, deps);
    }
  });
  deps.wakeOutbox();
}
