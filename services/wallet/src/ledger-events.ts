import type { Envelope } from '@evergreen/contracts/envelope.ts';
import {
  BalanceAdjusted,
  BalanceToppedUp,
  ChargeFailed,
  ChargeRefunded,
  ChargeSucceeded,
  ChargeVoided,
} from '@evergreen/contracts/events/wallet.ts';
import { newEvent } from '@evergreen/service-kit/events.ts';
import type { Cause, ChargeState, Fact } from './decisions/accounts.ts';

/** The events that tell of what the ledger decided, for the outbox of the same transaction. */
export const eventsOf = (facts: readonly Fact[]): Envelope[] => facts.map(eventOf);

function eventOf(fact: Fact): Envelope {
  switch (fact.type) {
    case 'topped_up': {
      const { reference, userId, amount, currency, businessTime, cause } = fact.entry;
      const data = { topUpId: reference, userId, amount, currency, balanceAfter: fact.balanceAfter, businessTime };
      return newEvent(BalanceToppedUp, { subject: reference, data, time: businessTime, ...trace(cause) });
    }
    case 'adjusted': {
      const { reference, userId, currency, description: reason, businessTime, cause } = fact.entry;
      const who = { adjustmentId: reference, userId, operatorId: cause.actorId ?? '' };
      const data = { ...who, amount: fact.change, currency, reason, balanceAfter: fact.balanceAfter, businessTime };
      return newEvent(BalanceAdjusted, { subject: reference, data, time: businessTime, ...trace(cause) });
    }
    case 'refunded': {
      const { id: refundId, amount: refundAmount, to, businessTime, cause } = fact.refund;
      const refund = { refundId, refundAmount, refundedTotal: fact.charge.refundedAmount, to };
      const data = { ...chargeFacts(fact.charge), ...refund, balanceAfter: fact.balanceAfter, businessTime };
      return newEvent(ChargeRefunded, { subject: fact.charge.id, data, time: businessTime, ...trace(cause) });
    }
    case 'paid': {
      const data = { ...chargeFacts(fact.charge), balanceAfter: fact.balanceAfter };
      return newEvent(ChargeSucceeded, {
        subject: fact.charge.id,
        data,
        time: data.businessTime,
        ...trace(fact.cause),
      });
    }
    case 'short': {
      const awaitingFunds = fact.charge.status === 'awaiting_funds';
      const outcome = { reason: 'insufficient_funds', shortfall: fact.shortfall, awaitingFunds } as const;
      const data = { ...chargeFacts(fact.charge), ...outcome };
      return newEvent(ChargeFailed, { subject: fact.charge.id, data, time: data.businessTime, ...trace(fact.cause) });
    }
    case 'voided': {
      const data = chargeFacts(fact.charge);
      return newEvent(ChargeVoided, { subject: fact.charge.id, data, time: data.businessTime, ...trace(fact.cause) });
    }
  }
}

/** `businessTime` is when the charge came to be what it is: when it was paid or voided, else when it was asked for. */
function chargeFacts(charge: ChargeState) {
  const { id: chargeId, subscriptionId, userId, amount, currency, description, planName, upgrade, ...more } = charge;
  const { period, version } = more;
  const businessTime = charge.settledAt ?? charge.businessTime;
  const what = { description, planName, upgrade };
  return { chargeId, subscriptionId, userId, amount, currency, ...what, period, version, businessTime };
}

const trace = ({ correlationId, causationId }: Cause) => ({
  correlationId,
  ...(causationId === null ? {} : { causationId }),
});
