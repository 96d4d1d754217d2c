import { Type } from 'typebox';
import { chargedFor } from '../charge.ts';
import { defineEvent } from '../envelope.ts';
import { AmountMinor, Currency, PositiveAmountMinor } from '../money.ts';
import { Period, Timestamp, Uuid } from '../primitives.ts';

const topUp = { topUpId: Uuid, userId: Uuid, amount: PositiveAmountMinor, currency: Currency };

export const BalanceToppedUp = defineEvent(
  'wallet',
  'BalanceToppedUp',
  1,
  'A top-up was captured by the payment gateway and credited',
  Type.Object({ ...topUp, balanceAfter: AmountMinor, businessTime: Timestamp }),
);

export const TopUpFailed = defineEvent(
  'wallet',
  'TopUpFailed',
  1,
  'The payment gateway declined a top-up; nothing was credited',
  Type.Object({ ...topUp, reason: Type.String(), businessTime: Timestamp }),
);

const charge = {
  chargeId: Uuid,
  subscriptionId: Uuid,
  userId: Uuid,
  amount: PositiveAmountMinor,
  currency: Currency,
  description: Type.String(),
  ...chargedFor,
  period: Period,
  version: Type.Integer({ minimum: 1, description: 'Grows with every change of this charge' }),
  businessTime: Timestamp,
};

export const ChargeSucceeded = defineEvent(
  'wallet',
  'ChargeSucceeded',
  1,
  'A charge was debited from the balance',
  Type.Object({ ...charge, balanceAfter: AmountMinor }),
);

export const ChargeFailed = defineEvent(
  'wallet',
  'ChargeFailed',
  1,
  'A charge could not be debited; while awaitingFunds it is settled by the next credit that covers it',
  Type.Object({
    ...charge,
    reason: Type.Enum(['insufficient_funds']),
    shortfall: PositiveAmountMinor,
    awaitingFunds: Type.Boolean(),
  }),
);

export const ChargeVoided = defineEvent(
  'wallet',
  'ChargeVoided',
  1,
  'A waiting charge was given up: it can never be debited any more',
  Type.Object(charge),
);

export const ChargeRefunded = defineEvent(
  'wallet',
  'ChargeRefunded',
  1,
  'A paid charge was given back, in part or whole, to the balance or to the payment method it came from',
  Type.Object({
    ...charge,
    refundId: Uuid,
    refundAmount: PositiveAmountMinor,
    refundedTotal: PositiveAmountMinor,
    to: Type.Enum(['balance', 'payment_method']),
    balanceAfter: AmountMinor,
  }),
);

export const BalanceAdjusted = defineEvent(
  'wallet',
  'BalanceAdjusted',
  1,
  'An operator credited or debited a balance, and said why',
  Type.Object({
    adjustmentId: Uuid,
    userId: Uuid,
    amount: Type.Integer({ description: 'Minor units; below zero for a debit' }),
    currency: Currency,
    reason: Type.String(),
    operatorId: Uuid,
    balanceAfter: AmountMinor,
    businessTime: Timestamp,
  }),
);

const circuit = {
  replica: Type.String({ description: 'The wallet process whose breaker it is' }),
  at: Timestamp,
};

export const GatewayCircuitOpened = defineEvent(
  'wallet',
  'GatewayCircuitOpened',
  1,
  'The payment gateway fails too often: for a while it is not called, and top-ups wait',
  Type.Object({ ...circuit, failures: Type.Integer({ minimum: 0 }), calls: Type.Integer({ minimum: 0 }) }),
);

export const GatewayCircuitHalfOpened = defineEvent(
  'wallet',
  'GatewayCircuitHalfOpened',
  1,
  'One call to the payment gateway is let through, to see whether it works again',
  Type.Object(circuit),
);

export const GatewayCircuitClosed = defineEvent(
  'wallet',
  'GatewayCircuitClosed',
  1,
  'The payment gateway answers again',
  Type.Object(circuit),
);
