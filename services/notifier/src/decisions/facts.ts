import type { Envelope, EventDefinition, EventOf } from '@evergreen/contracts/envelope.ts';
import {
  SubscriptionCanceled,
  SubscriptionExpired,
  SubscriptionExpiring,
} from '@evergreen/contracts/events/subscriptions.ts';
import { BalanceToppedUp, ChargeFailed, ChargeSucceeded, TopUpFailed } from '@evergreen/contracts/events/wallet.ts';
import type { Currency } from '@evergreen/contracts/money.ts';
import type { Period } from '@evergreen/contracts/primitives.ts';

/** Amounts are minor units, moments RFC 3339 in UTC: what a text is made from, in no language and no time zone. */
interface ChargeData {
  chargeId: string;
  subscriptionId: string;
  amount: number;
  currency: Currency;
  /** Of an upgrade, the plan it leads to. */
  planName: string;
  upgrade: boolean;
  period: Period;
}

interface TopUpData {
  topUpId: string;
  amount: number;
  currency: Currency;
}

interface SubscriptionData {
  subscriptionId: string;
  planId: string;
  planName: string;
}

interface MoneyData {
  amount: number;
  currency: Currency;
}

/** A payment that is to come: null when nothing is to be paid. */
interface PaymentAhead extends SubscriptionData {
  endsAt: string;
  amountDue: MoneyData | null;
  /** The plan it is for, where that is another one from then on. */
  nextPlanName: string | null;
}

/** What a notification can say, by type and kind. Every language has one text for each. */
export interface DataOf {
  payment_succeeded: {
    top_up: TopUpData & { balanceAfter: number };
    charge: ChargeData & { balanceAfter: number };
  };
  charge_failed: {
    top_up: TopUpData & { reason: string };
    charge: ChargeData & { shortfall: number; awaitingFunds: boolean };
  };
  expiry_notice: {
    /** `endedAt` is null when not a single period was ever paid. */
    expired: SubscriptionData & { endedAt: string | null };
    canceled: SubscriptionData & { accessUntil: string | null };
    renewal: PaymentAhead;
    trial_end: PaymentAhead;
    /** `endsAt` is when it ends for good. */
    expiry: SubscriptionData & { endsAt: string };
    /** `endsAt` is the end of the days of grace; `missing` is null when it is not known. */
    grace: SubscriptionData & { endsAt: string; missing: MoneyData | null };
  };
}

type Told = {
  [T in keyof DataOf]: { [K in keyof DataOf[T]]: { type: T; kind: K; data: DataOf[T][K] } }[keyof DataOf[T]];
}[keyof DataOf];

/** Something a user should know. */
export type Fact = Told & {
  userId: string;
  /** What it is about. Of one subject, only what is newer than all that was told is told. */
  subject: { id: string; version: number };
  /** Business time, RFC 3339 in UTC. */
  happenedAt: string;
};

type Rule = readonly [type: string, decide: (data: never) => Fact | undefined];

const rule = <D extends EventDefinition>(
  definition: D,
  decide: (data: EventOf<D>['data']) => Fact | undefined,
): Rule => [definition.type, decide];

/** A top-up has one outcome and no version. Should a success ever follow a failure, the success is what counts. */
const FAILED_TOP_UP = 1;
const SUCCEEDED_TOP_UP = 2;

const RULES = new Map<string, Rule[1]>([
  rule(BalanceToppedUp, ({ topUpId, amount, currency, balanceAfter, userId, businessTime }) => ({
    type: 'payment_succeeded',
    kind: 'top_up',
    data: { topUpId, amount, currency, balanceAfter },
    userId,
    subject: { id: topUpId, version: SUCCEEDED_TOP_UP },
    happenedAt: businessTime,
  })),
  rule(TopUpFailed, ({ topUpId, amount, currency, reason, userId, businessTime }) => ({
    type: 'charge_failed',
    kind: 'top_up',
    data: { topUpId, amount, currency, reason },
    userId,
    subject: { id: topUpId, version: FAILED_TOP_UP },
    happenedAt: businessTime,
  })),
  rule(ChargeSucceeded, ({ userId, businessTime, version, balanceAfter, ...charge }) => ({
    type: 'payment_succeeded',
    kind: 'charge',
    data: { ...chargeData(charge), balanceAfter },
    userId,
    subject: { id: charge.chargeId, version },
    happenedAt: businessTime,
  })),
  rule(ChargeFailed, ({ userId, businessTime, version, shortfall, awaitingFunds, ...charge }) => ({
    type: 'charge_failed',
    kind: 'charge',
    data: { ...chargeData(charge), shortfall, awaitingFunds },
    userId,
    subject: { id: charge.chargeId, version },
    happenedAt: businessTime,
  })),
  rule(SubscriptionExpired, ({ subscriptionId, planId, planName, currentPeriod, userId, version, businessTime }) => ({
    type: 'expiry_notice',
    kind: 'expired',
    data: { subscriptionId, planId, planName, endedAt: currentPeriod && businessTime },
    userId,
    subject: { id: subscriptionId, version },
    happenedAt: businessTime,
  })),
  rule(SubscriptionCanceled, ({ subscriptionId, planId, planName, accessUntil, userId, version, businessTime }) => ({
    type: 'expiry_notice',
    kind: 'canceled',
    data: { subscriptionId, planId, planName, accessUntil },
    userId,
    subject: { id: subscriptionId, version },
    happenedAt: businessTime,
  })),
  // Its version is of the same row of versions as those above, so a notice of what ends soon never follows that it has ended.
  rule(SubscriptionExpiring, (notice) => ({
    ...noticeOf(notice),
    userId: notice.userId,
    subject: { id: notice.subscriptionId, version: notice.version },
    happenedAt: notice.businessTime,
  })),
]);

function noticeOf({
  notice,
  ...facts
}: EventOf<typeof SubscriptionExpiring>['data']): Extract<Told, { type: 'expiry_notice' }> {
  const { subscriptionId, planId, planName, price, endsAt, amountDue, shortfall, change } = facts;
  const plan = { subscriptionId, planId, planName };
  const type = 'expiry_notice';
  switch (notice) {
    case 'renewal':
    case 'trial_end': {
      const due = amountDue && { amount: amountDue.amount, currency: amountDue.currency };
      // Both are RFC 3339 in UTC, which sorts as text.
      const nextPlanName = change?.at && change.at <= endsAt ? change.planName : null;
      return { type, kind: notice, data: { ...plan, endsAt, amountDue: due, nextPlanName } };
    }
    case 'expiry':
      return { type, kind: notice, data: { ...plan, endsAt } };
    case 'grace': {
      const { currency } = amountDue ?? price;
      const missing = shortfall === null ? null : { amount: shortfall, currency };
      return { type, kind: notice, data: { ...plan, endsAt, missing } };
    }
  }
}

/** Only the named fields: a newer wallet may say more than is ours to keep. */
const chargeData = ({ period, ...charge }: ChargeData): ChargeData => {
  const { chargeId, subscriptionId, amount, currency, planName, upgrade } = charge;
  return {
    ...{ chargeId, subscriptionId, amount, currency, planName, upgrade },
    period: { start: period.start, end: period.end },
  };
};

/**
 * What an event means to the user it is about: one thing worth telling, or nothing. That a subscription was activated,
 * renewed, resumed or waits for money is told by the charge behind it. That it was paused or extended, or is to change its
 * plan, needs no words: open pages show it.
 */
export function factOf(event: Envelope): Fact | undefined {
  return RULES.get(event.type)?.(event.data as never);
}
