import type { DataOf } from '@evergreen/contracts/envelope.ts';
import type { LifecycleFacts, SubscriptionExpiring } from '@evergreen/contracts/events/subscriptions.ts';
import { v7 as uuidv7 } from 'uuid';

/** Facts of other services as they come, with what a test is about put in their place. */

const PERIOD = { start: '2026-11-23T00:00:00.000Z', end: '2026-12-23T00:00:00.000Z' };
const MOMENT = '2026-11-23T08:00:00.000Z';

export const toppedUp = (userId: string, topUpId = uuidv7()) => ({
  topUpId,
  userId,
  amount: 5_000,
  currency: 'USD' as const,
  balanceAfter: 6_299,
  businessTime: MOMENT,
});

export const topUpFailed = (userId: string, topUpId = uuidv7()) => ({
  topUpId,
  userId,
  amount: 5_000,
  currency: 'USD' as const,
  reason: 'card_declined',
  businessTime: MOMENT,
});

const charge = (userId: string, chargeId: string, version: number) => ({
  chargeId,
  subscriptionId: uuidv7(),
  userId,
  amount: 1_299,
  currency: 'USD' as const,
  description: 'Monthly, 2026-11-23 to 2026-12-23',
  planName: 'Monthly',
  upgrade: false,
  period: PERIOD,
  version,
  businessTime: MOMENT,
});

/** What subscriptions asks the wallet to debit. */
export const due = (userId: string, { subscriptionId = uuidv7() } = {}) => {
  const { chargeId: id, version, ...facts } = charge(userId, uuidv7(), 1);
  return { charge: { ...facts, id, subscriptionId }, planId: uuidv7(), version };
};

export const charged = (userId: string, chargeId = uuidv7(), version = 1) => ({
  ...charge(userId, chargeId, version),
  balanceAfter: 3_701,
});

export const chargeFailed = (userId: string, chargeId = uuidv7(), version = 1) => ({
  ...charge(userId, chargeId, version),
  reason: 'insufficient_funds' as const,
  shortfall: 400,
  awaitingFunds: true,
});

export const subscription = (userId: string, facts: Partial<LifecycleFacts> = {}): LifecycleFacts => ({
  subscriptionId: uuidv7(),
  userId,
  planId: uuidv7(),
  planName: 'Monthly',
  price: { amount: 1_299, currency: 'USD' },
  status: 'canceled',
  currentPeriod: PERIOD,
  accessUntil: PERIOD.end,
  change: null,
  version: 3,
  businessTime: MOMENT,
  ...facts,
});

type Notice = DataOf<typeof SubscriptionExpiring>;

export const expiring = (userId: string, facts: Partial<Notice> = {}): Notice => ({
  ...subscription(userId, { status: 'active' }),
  notice: 'renewal',
  endsAt: PERIOD.end,
  amountDue: { amount: 1_299, currency: 'USD' },
  shortfall: null,
  ...facts,
});

export const refunded = (userId: string, chargeId = uuidv7(), version = 3) => ({
  ...charge(userId, chargeId, version),
  refundId: uuidv7(),
  refundAmount: 500,
  refundedTotal: 500,
  to: 'balance' as const,
  balanceAfter: 4_201,
});

export const adjusted = (userId: string, adjustmentId = uuidv7()) => ({
  adjustmentId,
  userId,
  amount: -500,
  currency: 'USD' as const,
  reason: 'Entered twice',
  operatorId: uuidv7(),
  balanceAfter: 3_201,
  businessTime: MOMENT,
});
