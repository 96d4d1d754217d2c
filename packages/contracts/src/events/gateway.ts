import { Type } from 'typebox';
import { defineEvent } from '../envelope.ts';
import { Currency, PositiveAmountMinor } from '../money.ts';
import { Timestamp, Uuid } from '../primitives.ts';

const payment = {
  paymentId: Uuid,
  idempotencyKey: Type.String({ description: 'The key the payment was asked for with: the id of the top-up' }),
  amount: PositiveAmountMinor,
  currency: Currency,
  decidedAt: Timestamp,
};

export const PaymentSucceeded = defineEvent(
  'gateway',
  'PaymentSucceeded',
  1,
  'The provider captured a payment, said also when the HTTP answer was lost',
  Type.Object(payment),
);

export const PaymentDeclined = defineEvent(
  'gateway',
  'PaymentDeclined',
  1,
  'The provider refused a payment for good',
  Type.Object({ ...payment, declineCode: Type.String() }),
);

export const PaymentRefunded = defineEvent(
  'gateway',
  'PaymentRefunded',
  1,
  'The provider gave money of a payment back to where it came from',
  Type.Object({
    refundId: Uuid,
    paymentId: Uuid,
    idempotencyKey: Type.String({
      description: 'The key the refund was asked for with: the id of the refund in the wallet',
    }),
    amount: PositiveAmountMinor,
    currency: Currency,
    decidedAt: Timestamp,
  }),
);
