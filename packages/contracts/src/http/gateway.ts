import { type Static, Type } from 'typebox';
import { Currency, PositiveAmountMinor } from '../money.ts';
import { Timestamp, Uuid } from '../primitives.ts';
import { PaymentMethodToken } from './wallet.ts';

/** What the wallet asks of the payment provider; the Idempotency-Key header is the id of the top-up. */
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

const Rate = Type.Number({ minimum: 0, maximum: 1, default: 0 });

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
    rates: Type.Optional(Type.Partial(FaultRates)),
    outage: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
export type FaultsPatch = Static<typeof FaultsPatch>;
