import { type Static, Type } from 'typebox';
import { Currency, PositiveAmountMinor } from '../money.ts';
import { Timestamp, Uuid } from '../primitives.ts';
import { PaymentMethodToken } from './wallet.ts';

/** Short and plain enough to be part of a path. The wallet sends the id of the top-up. */
export const PaymentKey = Type.String({
  pattern: '^[A-Za-z0-9_-]{1,100}$',
  description: 'Idempotency key of a payment: the same key never captures twice',
  examples: ['01936f4e-6c1a-7d3b-8a53-3f0c5f2b9d10'],
});

export const PaymentHeaders = Type.Object({ 'idempotency-key': Type.Optional(PaymentKey) });

/**
 * POST /payments, asked by the wallet with the service credential and the id of the top-up as Idempotency-Key. Answered with a
 * Payment: 201 when the money was captured, 402 when it was declined for good. Both are kept under the key.
 */
export const PaymentBody = Type.Object(
  { amount: PositiveAmountMinor, currency: Currency, paymentMethod: PaymentMethodToken },
  { additionalProperties: false },
);
export type PaymentBody = Static<typeof PaymentBody>;

export const Payment = Type.Object({
  id: Uuid,
  idempotencyKey: Type.String(),
  status: Type.Enum(['succeeded', 'declined']),
  declineCode: Type.Optional(Type.String()),
  amount: PositiveAmountMinor,
  currency: Currency,
  createdAt: Timestamp,
});
export type Payment = Static<typeof Payment>;

/**
 * GET /payments/by-key/{idempotencyKey}: 200 with the Payment kept under the key, captured or declined, or 404 not_found. A 404
 * means "nothing yet": it is final only when no request with the key is on its way, so the way to an outcome is the same POST again.
 */
export const PaymentParams = Type.Object({ idempotencyKey: PaymentKey }, { additionalProperties: false });
export type PaymentParams = Static<typeof PaymentParams>;

export const PaymentMethod = Type.Object({
  token: PaymentMethodToken,
  brand: Type.String({ examples: ['visa'] }),
  last4: Type.String({ pattern: '^[0-9]{4}$', examples: ['4242'] }),
  behaviour: Type.String({ description: 'What this test card does' }),
});
export type PaymentMethod = Static<typeof PaymentMethod>;

/** No default: ajv would fill it in, and a rate that a partial setting does not name keeps its value. */
const Rate = Type.Number({ minimum: 0, maximum: 1 });

export const FaultRates = Type.Object(
  {
    error500: Rate,
    unavailable503: Rate,
    declined: Rate,
    timeoutBeforeCapture: Rate,
    timeoutAfterCapture: Rate,
    connectionReset: Rate,
    duplicateEvent: Rate,
    lateEvent: Rate,
  },
  { additionalProperties: false },
);
export type FaultRates = Static<typeof FaultRates>;

export const Faults = Type.Object(
  {
    seed: Type.Integer({
      minimum: 0,
      maximum: 2 ** 32 - 1,
      description: 'The same seed plays the same outcomes again',
    }),
    latency: Type.Object(
      {
        p50Ms: Type.Integer({ minimum: 0, maximum: 60_000 }),
        p99Ms: Type.Integer({ minimum: 0, maximum: 60_000 }),
      },
      { additionalProperties: false },
    ),
    rates: FaultRates,
    outage: Type.Boolean(),
  },
  { additionalProperties: false },
);
export type Faults = Static<typeof Faults>;

/** A partial setting: what is not named keeps its value. */
export const FaultsPatch = Type.Object(
  {
    seed: Type.Optional(Faults.properties.seed),
    latency: Type.Optional(Faults.properties.latency),
    rates: Type.Optional(Type.Partial(FaultRates, { additionalProperties: false })),
    outage: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
export type FaultsPatch = Static<typeof FaultsPatch>;

/** What the wallet asks to be given back of a payment; the Idempotency-Key header is the id of the refund. */
export const PaymentRefundBody = Type.Object({ amount: PositiveAmountMinor }, { additionalProperties: false });
export type PaymentRefundBody = Static<typeof PaymentRefundBody>;

export const PaymentRefund = Type.Object({
  id: Uuid,
  paymentId: Uuid,
  idempotencyKey: Type.String(),
  amount: PositiveAmountMinor,
  currency: Currency,
  createdAt: Timestamp,
});
export type PaymentRefund = Static<typeof PaymentRefund>;
