import type { DataOf as DataOfEvent, Envelope, EventDefinition } from '@evergreen/contracts/envelope.ts';
import {
  LIFECYCLE_EVENTS,
  PlanChangeDue,
  RenewalDue,
  SubscriptionActivated,
  SubscriptionCanceled,
  SubscriptionExpired,
  SubscriptionExpiring,
  SubscriptionExtended,
  SubscriptionPaused,
  SubscriptionPendingRenewal,
  SubscriptionPlanChanged,
  SubscriptionRenewed,
  SubscriptionRequested,
  SubscriptionResumed,
} from '@evergreen/contracts/events/subscriptions.ts';
import {
  BalanceAdjusted,
  BalanceToppedUp,
  ChargeFailed,
  ChargeRefunded,
  ChargeSucceeded,
  ChargeVoided,
  TopUpFailed,
} from '@evergreen/contracts/events/wallet.ts';
import { SOCKET_EVENTS } from '@evergreen/contracts/topology.ts';
import { newEvent } from '@evergreen/service-kit/events.ts';
import { describe, expect, test } from '@jest/globals';
import { changeBy } from '../src/decisions/changes.ts';
import { enterFacts } from '../src/decisions/entries.ts';
import { factOf } from '../src/decisions/facts.ts';
import { ANYONE, type Reader, write, writerFor } from '../src/decisions/texts.ts';
import {
  adjusted,
  charged,
  chargeFailed,
  due,
  expiring,
  refunded,
  subscription,
  toppedUp,
  topUpFailed,
} from './sample.ts';

const USER = '01936f4e-6c1a-7d3b-8a53-3f0c5f2b9d10';

const said = <D extends EventDefinition>(definition: D, data: DataOfEvent<D>): Envelope =>
  newEvent(definition, { subject: USER, data, time: '2026-11-23T08:00:01.000Z', correlationId: 'of-the-test' });

/** What a reader is told by an event, or undefined for nothing. */
function textOf<D extends EventDefinition>(definition: D, data: DataOfEvent<D>, reader: Reader = ANYONE) {
  const fact = factOf(said(definition, data));
  if (!fact) return undefined;
  const { title, body } = write(fact, fact.happenedAt, writerFor(reader));
  return `${fact.type} | ${title} | ${body}`;
}

describe('what an event means to its user', () => {
  test('money in and out is told with amounts, balance and period', () => {
    expect(textOf(BalanceToppedUp, toppedUp(USER))).toBe(
      'payment_succeeded | Balance topped up | $50.00 was added. Your balance is $62.99.',
    );
    expect(textOf(ChargeSucceeded, charged(USER))).toBe(
      'payment_succeeded | Payment succeeded | Monthly: $12.99 was paid. Your balance is $37.01.',
    );
    expect(textOf(ChargeFailed, chargeFailed(USER))).toBe(
      'charge_failed | Your balance is too low | Monthly: $12.99 could not be paid, $4.00 is missing. It is paid as soon as you top up.',
    );
    const change = { ...chargeFailed(USER), planName: 'Premium', upgrade: true, awaitingFunds: false };
    expect(textOf(ChargeFailed, change)).toBe(
      'charge_failed | Your balance is too low | Upgrade to Premium: $12.99 could not be paid, $4.00 is missing. Nothing was charged, and your plan stays as it is. Top up first to change it.',
    );
  });

  test('a failed top-up says why, and a code without words is a decline', () => {
    expect(textOf(TopUpFailed, topUpFailed(USER))).toBe(
      'charge_failed | Top-up failed | $50.00 was not added: the card was declined. Nothing was taken from you.',
    );
    expect(textOf(TopUpFailed, { ...topUpFailed(USER), reason: 'lost_in_space' })).toMatch(/the payment was declined/);
  });

  test('the end of a subscription is told, and the end that is coming', () => {
    expect(textOf(SubscriptionCanceled, subscription(USER))).toBe(
      'expiry_notice | Auto-renewal is off | Monthly is yours until December 23, 2026, and does not renew after that.',
    );
    const expired = subscription(USER, { status: 'expired', businessTime: '2026-12-30T00:00:00.000Z' });
    expect(textOf(SubscriptionExpired, expired)).toBe(
      'expiry_notice | Subscription ended | Monthly ended on December 30, 2026.',
    );
    const neverPaid = subscription(USER, { status: 'expired', currentPeriod: null, accessUntil: null });
    expect(textOf(SubscriptionExpired, neverPaid)).toMatch(/did not start\. Nothing was charged\.$/);
  });

  test('what ends soon is told ahead, with what happens then', () => {
    const notices: [Parameters<typeof expiring>[1], string][] = [
      [
        { notice: 'renewal' },
        'Renews in 30 days | Monthly renews on December 23, 2026 for $12.99, paid from your balance.',
      ],
      [
        { notice: 'trial_end', status: 'trialing' },
        'Your trial ends in 30 days | Your trial of Monthly ends on December 23, 2026; then $12.99 is charged.',
      ],
      [
        { notice: 'expiry', status: 'canceled', amountDue: null },
        'Your subscription ends in 30 days | Monthly ends on December 23, 2026 and does not renew.',
      ],
      [
        { notice: 'grace', status: 'pending_renewal', shortfall: 400 },
        'Top up to keep your subscription | $4.00 is missing to renew Monthly. Top up by December 23, 2026 to keep it.',
      ],
      [
        { notice: 'grace', status: 'pending_renewal', shortfall: null },
        'Top up to keep your subscription | Monthly is not renewed yet. Top up by December 23, 2026 to keep it.',
      ],
      [{ notice: 'renewal', amountDue: null }, 'Renews in 30 days | Monthly renews on December 23, 2026.'],
      [
        { notice: 'trial_end', amountDue: null },
        'Your trial ends in 30 days | Your trial of Monthly ends on December 23, 2026.',
      ],
    ];
    for (const [facts, text] of notices) {
      expect(textOf(SubscriptionExpiring, expiring(USER, facts))).toBe(`expiry_notice | ${text}`);
    }
  });

  test('a notice names the plan that follows, once its time is known', () => {
    const plan = { planId: USER, planName: 'Basic', price: { amount: 500, currency: 'USD' as const } };
    const change = { ...plan, interval: { unit: 'month' as const, count: 1 }, at: '2026-12-23T00:00:00.000Z' };
    const facts = { amountDue: plan.price, change };
    expect(textOf(SubscriptionExpiring, expiring(USER, facts))).toMatch(
      /Monthly changes to Basic on December 23, 2026 for \$5\.00, paid from your balance\.$/,
    );
    expect(textOf(SubscriptionExpiring, expiring(USER, { ...facts, notice: 'trial_end' }))).toMatch(
      /Monthly ends on December 23, 2026; then \$5\.00 is charged for Basic\.$/,
    );
    for (const at of [null, '2026-12-23T00:00:00.001Z']) {
      expect(textOf(SubscriptionExpiring, expiring(USER, { change: { ...change, at } }))).toMatch(/Monthly renews on/);
    }
  });

  test('a notice keeps its facts, and is of the same subject as all else of its subscription', () => {
    const notice = expiring(USER, { notice: 'grace', shortfall: 400, version: 8 });
    const { subscriptionId, planId } = notice;
    expect(factOf(said(SubscriptionExpiring, notice))).toEqual({
      type: 'expiry_notice',
      kind: 'grace',
      data: {
        ...{ subscriptionId, planId, planName: 'Monthly', endsAt: '2026-12-23T00:00:00.000Z' },
        missing: { amount: 400, currency: 'USD' },
      },
      userId: USER,
      subject: { id: subscriptionId, version: 8 },
      happenedAt: '2026-11-23T08:00:00.000Z',
    });
  });

  test('what the charge behind it tells already is not told twice, nor what pages show', () => {
    for (const definition of [
      SubscriptionActivated,
      SubscriptionRenewed,
      SubscriptionPendingRenewal,
      SubscriptionResumed,
      SubscriptionPaused,
      SubscriptionPlanChanged,
      SubscriptionExtended,
    ]) {
      expect(textOf(definition, subscription(USER))).toBeUndefined();
    }
  });
});

describe('how it reads', () => {
  test('a currency without minor units, and the largest amount, are exact', () => {
    const yen = { ...toppedUp(USER), amount: 5, currency: 'JPY' as const, balanceAfter: Number.MAX_SAFE_INTEGER };
    expect(textOf(BalanceToppedUp, yen)).toMatch(/¥5 was added\. Your balance is ¥9,007,199,254,740,991\./);
    const cents = { ...toppedUp(USER), amount: 5, balanceAfter: Number.MAX_SAFE_INTEGER };
    expect(textOf(BalanceToppedUp, cents)).toMatch(/\$0\.05 was added\. Your balance is \$90,071,992,547,409\.91\./);
  });

  test('a date is the day it is for the reader', () => {
    const facts = subscription(USER, { accessUntil: '2026-12-22T23:30:00.000Z' });
    const readers: [string, RegExp][] = [
      ['UTC', /until December 22, 2026/],
      ['Europe/Amsterdam', /until December 23, 2026/],
      ['America/Los_Angeles', /until December 22, 2026/],
    ];
    for (const [timeZone, day] of readers) {
      expect(textOf(SubscriptionCanceled, facts, { locale: 'en', timeZone })).toMatch(day);
    }
    expect(textOf(SubscriptionCanceled, facts, { locale: 'en-GB', timeZone: 'UTC' })).toMatch(/until 22 December 2026/);
  });

  test('a locale or a time zone that does not exist keeps nobody from reading', () => {
    for (const locale of ['xx', 'en-not a locale', '', '--']) {
      expect(textOf(SubscriptionCanceled, subscription(USER), { locale, timeZone: 'Mars/Olympus' })).toMatch(
        /until December 23, 2026/,
      );
    }
  });
});

describe('places in the mailbox', () => {
  const about = (id: string, version: number, userId = USER) => ({
    userId,
    subject: { id, version },
    type: 'expiry_notice' as const,
  });
  const mailbox = { version: 7, unreadCount: 2, chosen: null };
  const states = (...userIds: string[]) => new Map(userIds.map((id) => [id, mailbox]));

  test('they follow each other, for each user', () => {
    const facts = [about('a', 1), about('b', 1, 'other'), about('c', 1)];
    expect(enterFacts(facts, new Map(), states(USER, 'other'))).toEqual({
      entries: [
        { fact: facts[0], mailbox, seq: 8, unreadCount: 3, live: true },
        { fact: facts[1], mailbox, seq: 8, unreadCount: 3, live: true },
        { fact: facts[2], mailbox, seq: 9, unreadCount: 4, live: true },
      ],
      muted: [],
    });
  });

  test('a fact that was told, or overtaken, gets none', () => {
    const facts = [about('told', 2), about('overtaken', 1), about('new', 1), about('new', 1), about('told', 3)];
    const told = new Map([
      ['told', 2],
      ['overtaken', 2],
    ]);
    expect(enterFacts(facts, told, states(USER)).entries.map(({ fact }) => fact)).toEqual([facts[2], facts[4]]);
  });

  test('a fact its user does not want gets none, is not counted, and what it overtook is not told', () => {
    const wanting = (inbox: boolean, live: boolean) =>
      new Map([[USER, { ...mailbox, chosen: { expiry_notice: { inbox, live } } }]]);
    const facts = [about('a', 2), about('a', 1), about('b', 1)];
    for (const live of [true, false]) {
      expect(enterFacts(facts, new Map(), wanting(false, live))).toEqual({ entries: [], muted: [facts[0], facts[2]] });
    }
    const { entries, muted } = enterFacts(facts, new Map(), wanting(true, false));
    expect(entries.map(({ seq, unreadCount, live }) => [seq, unreadCount, live])).toEqual([
      [8, 3, false],
      [9, 4, false],
    ]);
    expect(muted).toEqual([]);
    const other = { ...about('c', 1), type: 'payment_succeeded' as const };
    expect(enterFacts([other], new Map(), wanting(false, false)).entries).toHaveLength(1);
  });

  test('without the lock of the mailbox there is no place', () => {
    expect(() => enterFacts([about('a', 1)], new Map(), new Map())).toThrow(/not locked/);
  });
});

test('every event the sockets hear, except of notifications, puts a page out of date', () => {
  const samples = new Map<string, object>([
    [BalanceToppedUp.type, toppedUp(USER, USER)],
    [TopUpFailed.type, topUpFailed(USER, USER)],
    [ChargeSucceeded.type, charged(USER, USER)],
    [ChargeRefunded.type, refunded(USER, USER)],
    [BalanceAdjusted.type, adjusted(USER, USER)],
    ...[ChargeFailed, ChargeVoided].map(({ type }): [string, object] => [
      type,
      { ...chargeFailed(USER), subscriptionId: USER },
    ]),
    ...[SubscriptionRequested, RenewalDue, PlanChangeDue].map(({ type }): [string, object] => [
      type,
      due(USER, { subscriptionId: USER }),
    ]),
    [SubscriptionExpiring.type, expiring(USER, { subscriptionId: USER })],
    ...LIFECYCLE_EVENTS.map(({ type }): [string, object] => [type, subscription(USER, { subscriptionId: USER })]),
  ]);
  const hints = SOCKET_EVENTS.filter(({ source }) => source !== 'notifier').map((definition) =>
    changeBy(said(definition, samples.get(definition.type))),
  );
  const ofSubscription = { userId: USER, changed: { what: 'subscription', id: USER } };
  expect(hints).toEqual([
    ...Array(5).fill({ userId: USER, changed: { what: 'wallet', id: USER } }),
    ...Array(2).fill({ ...ofSubscription, inAMoment: true }),
    ...Array(4 + LIFECYCLE_EVENTS.length).fill(ofSubscription),
  ]);
});
