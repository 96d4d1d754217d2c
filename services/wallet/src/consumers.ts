import { PaymentDeclined, PaymentRefunded, PaymentSucceeded } from '@evergreen/contracts/events/gateway.ts';
import {
  ChargeVoidRequested,
  ClockAdvanced,
  PlanChangeDue,
  RefundDue,
  RenewalDue,
  SubscriptionRequested,
} from '@evergreen/contracts/events/subscriptions.ts';
import { WALLET_CHARGES, WALLET_CLOCK, WALLET_PAYMENTS } from '@evergreen/contracts/topology.ts';
import { on } from '@evergreen/service-kit/batch.ts';
import type { Broker } from '@evergreen/service-kit/broker.ts';
import { raiseOffsetMs } from '@evergreen/service-kit/clock.ts';
import type pg from 'pg';
import type { Refill } from './auto-top-up.ts';
import { settleCharges } from './charge.ts';
import { settleGatewayPayments, settleGatewayRefunds } from './gateway-payment.ts';
import { settleRefundsDue } from './refund.ts';

/** Which event leads to which use case. */
export async function consume(
  broker: Broker,
  deps: { pool: pg.Pool; wakeOutbox: () => void; onClockMoved: () => void } & Refill,
): Promise<void> {
  const charges = (events: Parameters<typeof settleCharges>[1]) => settleCharges(deps, events);
  await broker.consume(WALLET_CHARGES, [
    on(SubscriptionRequested, charges),
    on(RenewalDue, charges),
    on(PlanChangeDue, charges),
    on(ChargeVoidRequested, charges),
    on(RefundDue, (events, { logger }) => settleRefundsDue({ ...deps, logger }, events)),
  ]);
  const payments = (events: Parameters<typeof settleGatewayPayments>[1]) => settleGatewayPayments(deps, events);
  await broker.consume(WALLET_PAYMENTS, [
    on(PaymentSucceeded, payments),
    on(PaymentDeclined, payments),
    on(PaymentRefunded, (events) => settleGatewayRefunds(deps, events)),
  ]);
  await broker.consume(WALLET_CLOCK, [
    on(ClockAdvanced, async (events) => {
      await raiseOffsetMs(deps.pool, Math.max(...events.map(({ data }) => data.offsetMs)));
      deps.onClockMoved();
    }),
  ]);
}
