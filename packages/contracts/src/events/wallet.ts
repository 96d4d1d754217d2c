import { type Static, Type } from 'typebox';
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

export type ChargeSucceededData = Static<typeof ChargeSucceeded.data>;
export type ChargeFailedData = Static<typeof ChargeFailed.data>;
export type ChargeVoidedData = Static<typeof ChargeVoided.data>;
