import { v5 as uuidv5 } from 'uuid';

/** Never to be changed: it is what makes a period that is asked for again the same charge. */
const CHARGE_NAMESPACE = '5d0c2e52-94c1-5a0b-8f3e-2f6f2c7b8a41';

const startOf = (subscriptionId: string, start: Temporal.Instant): string =>
  `${subscriptionId.toLowerCase()}/${start.toString({ smallestUnit: 'millisecond' })}`;

/** UUIDv5 of (subscription, period start): a period has one charge, however often it is asked for. */
export const chargeId = (subscriptionId: string, periodStart: Temporal.Instant): string =>
  uuidv5(startOf(subscriptionId, periodStart), CHARGE_NAMESPACE);

/** The charge of an upgrade asked for at `start`: never that of the period that may start in the same millisecond. */
export const upgradeChargeId = (subscriptionId: string, start: Temporal.Instant): string =>
  uuidv5(`${startOf(subscriptionId, start)}/upgrade`, CHARGE_NAMESPACE);

/** One refund of a charge by one move of the subscription: carried out again after a crash, it is the same refund. */
export const refundId = (charge: string, subscriptionVersion: number): string =>
  uuidv5(`${charge}/refund/${subscriptionVersion}`, CHARGE_NAMESPACE);
