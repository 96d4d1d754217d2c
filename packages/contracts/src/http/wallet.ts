import { type Static, Type } from 'typebox';
import { AmountMinor, Currency, Money, PositiveAmountMinor } from '../money.ts';
import { Nullable, PageQuery, Timestamp, Uuid } from '../primitives.ts';

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

export const TransactionKind = Type.Enum(['top_up', 'charge', 'refund', 'adjustment']);
export type TransactionKind = Static<typeof TransactionKind>;

export const Transaction = Type.Object({
  id: Uuid,
  kind: TransactionKind,
  amount: Type.Integer({ description: 'Minor units; below zero when it left the balance' }),
  currency: Currency,
  balanceAfter: AmountMinor,
  description: Type.String(),
  reference: Type.Object({ type: TransactionKind, id: Uuid }),
  createdAt: Timestamp,
});
export type Transaction = Static<typeof Transaction>;

export const StatementQuery = Type.Object(
  {
    ...PageQuery.properties,
    kind: Type.Optional(TransactionKind),
    currency: Type.Optional(Currency),
    from: Type.Optional(Type.String({ format: 'date-time', description: 'At or after this instant' })),
    to: Type.Optional(Type.String({ format: 'date-time', description: 'Before this instant' })),
  },
  { additionalProperties: false },
);
export type StatementQuery = Static<typeof StatementQuery>;

/** Why a line of the statement is there: the facts, and the same in plain sentences. */
export const Explanation = Type.Object({
  transaction: Transaction,
  sentences: Type.Array(Type.String()),
  trigger: Type.Object({
    type: Type.String({ description: 'The event or request it came from' }),
    id: Nullable(Type.String()),
    correlationId: Type.String({ description: 'Names the request or sweep that began it all, in every log' }),
    at: Timestamp,
  }),
  balance: Type.Object({ before: AmountMinor, after: AmountMinor, currency: Currency }),
  charge: Nullable(
    Type.Object({
      id: Uuid,
      subscriptionId: Uuid,
      status: Type.String(),
      amount: PositiveAmountMinor,
      refunded: AmountMinor,
      period: Type.Object({ start: Timestamp, end: Timestamp }),
      askedAt: Timestamp,
      settledAt: Nullable(Timestamp),
    }),
  ),
  attempts: Type.Array(
    Type.Object({
      at: Timestamp,
      operation: Type.Enum(['pay', 'look_up', 'refund']),
      outcome: Type.String(),
      durationMs: Type.Integer({ minimum: 0 }),
    }),
  ),
});
export type Explanation = Static<typeof Explanation>;

export const AdjustmentBody = Type.Object(
  {
    amount: Type.Integer({
      minimum: -Number.MAX_SAFE_INTEGER,
      maximum: Number.MAX_SAFE_INTEGER,
      not: { const: 0 },
      description: 'Minor units; above zero credits, below zero debits, and zero is refused',
      examples: [500],
    }),
    currency: Currency,
    reason: Type.String({ minLength: 3, maxLength: 200, pattern: '\\S', description: 'Why; the customer sees it' }),
  },
  { additionalProperties: false },
);
export type AdjustmentBody = Static<typeof AdjustmentBody>;

export const WalletParams = Type.Object({ userId: Uuid }, { additionalProperties: false });
export const WalletLineParams = Type.Object({ userId: Uuid, id: Uuid }, { additionalProperties: false });

export const RefundBody = Type.Object(
  {
    chargeId: Uuid,
    amount: Type.Optional(PositiveAmountMinor),
    to: Type.Optional(Type.Enum(['balance', 'payment_method'], { default: 'balance' })),
    reason: Type.String({ minLength: 3, maxLength: 200, pattern: '\\S' }),
  },
  { additionalProperties: false, description: 'Without an amount: all that is left of the charge' },
);
export type RefundBody = Static<typeof RefundBody>;

export const Refund = Type.Object({
  id: Uuid,
  chargeId: Uuid,
  status: Type.Enum(['processing', 'succeeded']),
  amount: PositiveAmountMinor,
  currency: Currency,
  to: Type.Enum(['balance', 'payment_method'], {
    description: 'Where it goes; a refund the payment gateway refuses goes to the balance',
  }),
  reason: Type.String(),
  createdAt: Timestamp,
});
export type Refund = Static<typeof Refund>;

export const SavedPaymentMethodBody = Type.Object({ token: PaymentMethodToken }, { additionalProperties: false });

export const SavedPaymentMethod = Type.Object({
  id: Uuid,
  token: Type.String(),
  brand: Type.String(),
  last4: Type.String(),
  createdAt: Timestamp,
});
export type SavedPaymentMethod = Static<typeof SavedPaymentMethod>;

const autoTopUpFields = {
  enabled: Type.Boolean(),
  currency: Currency,
  paymentMethodId: Nullable(Uuid),
  threshold: AmountMinor,
  amount: PositiveAmountMinor,
  maxPerDay: PositiveAmountMinor,
};

export const AutoTopUpBody = Type.Object(autoTopUpFields, {
  additionalProperties: false,
  description:
    'When a charge is short, or the balance falls below `threshold`, tops up by `amount`, or by what is lacking when that is more, ' +
    'in one payment, and by no more than `maxPerDay` in 24 hours',
});
export type AutoTopUpBody = Static<typeof AutoTopUpBody>;

export const AutoTopUp = Type.Object({
  ...autoTopUpFields,
  restsUntil: Nullable(Timestamp),
  lastFailure: Nullable(Type.String()),
});
export type AutoTopUp = Static<typeof AutoTopUp>;

export const GatewayHealth = Type.Object({
  replica: Type.String(),
  state: Type.Enum(['closed', 'open', 'half_open']),
  window: Type.Object(
    {
      calls: Type.Integer(),
      failures: Type.Integer(),
      successes: Type.Integer(),
      refused: Type.Integer({ description: 'Not made, because the breaker was open' }),
    },
    { description: 'Of the last 10 seconds' },
  ),
  latencyMs: Type.Object({ mean: Type.Number(), p50: Type.Number(), p99: Type.Number() }),
  unfinishedTopUps: Type.Integer(),
});
export type GatewayHealth = Static<typeof GatewayHealth>;
