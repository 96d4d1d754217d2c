import { v5 as uuidv5 } from 'uuid';

/** Never to be changed: it is what makes a period that is asked for again the same charge. */
const CHARGE_NAMESPACE = '5d0c2e52-94c1-5a0b-8f3e-2f6f2c7b8a41';

/** UUIDv5 of (subscription, period start): a period has one charge, however often it is asked for. */
export const chargeId = (subscriptionId: string, periodStart: Temporal.Instant): string =>
  uuidv5(`${subscriptionId.toLowerCase()}/${periodStart.toString({ smallestUnit: 'millisecond' })}`, CHARGE_NAMESPACE);
