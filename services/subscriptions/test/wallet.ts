import { ChargeFailed, ChargeSucceeded, ChargeVoided } from '@evergreen/contracts/events/wallet.ts';
import { type Asked, event } from './rig.ts';

/** What the wallet says of a charge it was asked for. */

export interface Saying {
  /** Of the charge; by default that of a charge that was paid, or failed, at once. */
  version?: number;
  businessTime?: string;
}

export const succeeded = (asked: Asked, saying: Saying = {}) =>
  event(ChargeSucceeded, { ...factsOf(asked, saying), balanceAfter: 0 }, asked.correlationid);

export const failed = (asked: Asked, saying: Saying = {}) =>
  event(
    ChargeFailed,
    { ...factsOf(asked, saying), reason: 'insufficient_funds', shortfall: 299, awaitingFunds: true },
    asked.correlationid,
  );

export const voided = (asked: Asked, saying: Saying = {}) =>
  event(ChargeVoided, factsOf(asked, { version: 2, ...saying }), asked.correlationid);

function factsOf({ data: { charge } }: Asked, { version = 1, businessTime = charge.businessTime }: Saying) {
  const { id: chargeId, subscriptionId, userId, amount, currency, period, ...more } = charge;
  const { description, planName, upgrade } = more;
  const what = { description, planName, upgrade };
  return { chargeId, subscriptionId, userId, amount, currency, ...what, period, version, businessTime };
}
