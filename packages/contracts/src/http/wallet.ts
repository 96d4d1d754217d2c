import { type Static, Type } from 'typebox';
import { AmountMinor, Currency, Money, PositiveAmountMinor } from '../money.ts';
import { Timestamp, Uuid } from '../primitives.ts';

export const Wallet = Type.Object({ balances: Type.Array(Money) });
export type Wallet = Static<typeof Wallet>;

export const PaymentMethodToken = Type.String({
  pattern: '^pm_[a-z0-9_]{1,60}$',
  description: 'Token of the payment gateway; no card data here',
  examples: ['pm_card_visa'],
});

export const TopUpBody = Type.Object(
  { amount: PositiveAmountMinor, currency: Currency, paymentMethod: PaymentMethodToken },
  { additionalProperties: false },
);
export type TopUpBody = Static<typeof TopUpBody>;

export const TopUp = Type.Object({
  id: Uuid,
  status: Type.Enum(['processing', 'succeeded', 'failed'], {
    description: 'processing: the outcome is not known yet and is being found out',
  }),
  amount: PositiveAmountMinor,
  currency: Currency,
  paymentMethod: Type.String(),
  failure: Type.Optional(Type.Object({ code: Type.String(), message: Type.String() })),
  createdAt: Timestamp,
});
export type TopUp = Static<typeof TopUp>;

export const Transaction = Type.Object({
  id: Uuid,
  kind: Type.Enum(['top_up', 'charge', 'refund', 'adjustment']),
  amount: Type.Integer({ description: 'Minor units; below zero when it left the balance' }),
  currency: Currency,
  balanceAfter: AmountMinor,
  description: Type.String(),
  reference: Type.Object({ type: Type.Enum(['top_up', 'charge', 'refund', 'adjustment']), id: Uuid }),
  createdAt: Timestamp,
});
export type Transaction = Static<typeof Transaction>;
