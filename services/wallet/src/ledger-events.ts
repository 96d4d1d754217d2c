import type { Envelope } from '@evergreen/contracts/envelope.ts';
import { BalanceToppedUp, ChargeFailed, ChargeSucceeded, ChargeVoided } from '@evergreen/contracts/events/wallet.ts';
import { newEvent } from '@evergreen/service-kit/events.ts';
import type { Cause, ChargeState, Fact } from './decisions/ledger.ts';

/** The events that tell of what the ledger decided, for the outbox of the same transaction. */
export const eventsOf = (facts: readonly Fact[]): Envelope[] => facts.map(eventOf);

function eventOf(fact: Fact): Envelope {
  switch (fact.type) {
    case 'credited': {
      const { reference, userId, amount, currency, businessTime, cause } = fact.credit;
      const data = { topUpId: reference, userId, amount, currency, balanceAfter: fact.balanceAfter, businessTime };
      return newEvent(BalanceToppedUp, { subject: reference, data, time: businessTime, ...trace(cause) });
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
      const outcome = { reason: 'insufficient_funds', shortfall: fact.shortfall, awaitingFunds: true } as const;
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
  const { id, subscriptionId, userId, amount, currency, description, period, version } = charge;
  const businessTime = charge.settledAt ?? charge.businessTime;
  return { chargeId: id, subscriptionId, userId, amount, currency, description, period, version, businessTime };
}

const trace = ({ correlationId, causationId }: Cause) => ({
  correlationId,
  ...(causationId === null ? {} : { causationId }),
});
