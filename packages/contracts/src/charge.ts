import { type Static, Type } from 'typebox';
import { Currency, PositiveAmountMinor } from './money.ts';
import { Period, Timestamp, Uuid } from './primitives.ts';

/** What a charge is for, as facts: everybody who tells of it does so in words of their own. */
export const chargedFor = {
  planName: Type.String({ minLength: 1, maxLength: 100 }),
  upgrade: Type.Boolean({ description: 'Is it the difference to a dearer plan, to the end of the period?' }),
};

/**
 * What subscriptions asks the wallet to debit. The same object is in every due event, so the wallet has one use case.
 * `id` is UUIDv5 of (subscription, period start): a period has one charge, however often it is asked for. That of an upgrade
 * is the same with a mark of its own, so it never meets the charge of a period that starts in the same millisecond.
 */
export const Charge = Type.Object({
  id: Uuid,
  userId: Uuid,
  subscriptionId: Uuid,
  amount: PositiveAmountMinor,
  currency: Currency,
  description: Type.String({ minLength: 1, maxLength: 200 }),
  ...chargedFor,
  period: Period,
  businessTime: Timestamp,
});
export type Charge = Static<typeof Charge>;
