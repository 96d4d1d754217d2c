import { type Static, Type } from 'typebox';

/** Largest amount on the wire: 2^53-1 minor units, the largest integer JSON numbers keep exactly. */
export const MAX_AMOUNT_MINOR = Number.MAX_SAFE_INTEGER;

/** ISO 4217 codes this installation accepts. JPY has no minor unit, so its amounts count whole yen. */
export const CURRENCIES = ['USD', 'EUR', 'GBP', 'JPY', 'RUB'] as const;

export const Currency = Type.Enum([...CURRENCIES], { description: 'ISO 4217 currency code', examples: ['USD'] });
export type Currency = Static<typeof Currency>;

/** A count of minor units that may be zero, for balances and free prices. */
export const AmountMinor = Type.Integer({
  minimum: 0,
  maximum: MAX_AMOUNT_MINOR,
  description: 'Minor units (cents), a whole number',
  examples: [1299],
});

/** A count of minor units that must move something. */
export const PositiveAmountMinor = Type.Integer({
  minimum: 1,
  maximum: MAX_AMOUNT_MINOR,
  description: 'Minor units (cents), a whole number above zero',
  examples: [5000],
});

export const Money = Type.Object({ amount: AmountMinor, currency: Currency }, { additionalProperties: false });
export type Money = Static<typeof Money>;
