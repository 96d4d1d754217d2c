import { ChargeFailed, ChargeSucceeded, ChargeVoided } from '@evergreen/contracts/events/wallet.ts';
import { SUBSCRIPTIONS_PAYMENTS } from '@evergreen/contracts/topology.ts';
import { type Handle, on } from '@evergreen/service-kit/batch.ts';
import type { Broker } from '@evergreen/service-kit/broker.ts';
import type { Clock } from '@evergreen/service-kit/clock.ts';
import { type ChargeEvent, settleCharges } from './settle-charges.ts';
import type { SubscriptionStore } from './subscription-store.ts';

/** Which event leads to which use case. One function for all answers of the wallet, so that a batch keeps their order. */
export async function consume(broker: Broker, deps: { store: SubscriptionStore; clock: Clock }): Promise<void> {
  const settle: Handle<ChargeEvent> = (events, context) => settleCharges(deps, events, context);
  await broker.consume(SUBSCRIPTIONS_PAYMENTS, [
    on(ChargeSucceeded, settle),
    on(ChargeFailed, settle),
    on(ChargeVoided, settle),
  ]);
}
