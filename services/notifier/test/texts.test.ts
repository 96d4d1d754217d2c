import { expect, test } from '@jest/globals';
import type { DataOf } from '../src/decisions/facts.ts';
import { ANYONE, LANGUAGES, type Reader, write, writerFor } from '../src/decisions/texts.ts';

/*
 * Everything a notification can say, in both languages, as people read it: title | body.
 */

type Table = { [T in keyof DataOf]: { [K in keyof DataOf[T]]: [data: DataOf[T][K], en: string, ru: string][] } };

const ID = '01936f4e-6c1a-7d3b-8a53-3f0c5f2b9d10';
const TOLD_AT = '2026-12-20T08:00:00.000Z';
const END = '2026-12-23T00:00:00.000Z';

const topUp = { topUpId: ID, amount: 5_000, currency: 'USD' as const };
const charge = {
  ...{ chargeId: ID, subscriptionId: ID, amount: 1_299, currency: 'USD' as const, planName: 'Monthly' },
  upgrade: false,
  period: { start: '2026-11-23T00:00:00.000Z', end: END },
};
const plan = { subscriptionId: ID, planId: ID, planName: 'Monthly' };
const due = { amount: 1_299, currency: 'USD' as const };

const TABLE: Table = {
  payment_succeeded: {
    top_up: [
      [
        { ...topUp, balanceAfter: 6_299 },
        'Balance topped up | $50.00 was added. Your balance is $62.99.',
        'Баланс пополнен | Зачислено 50,00 $. На балансе 62,99 $.',
      ],
    ],
    charge: [
      [
        { ...charge, balanceAfter: 3_701 },
        'Payment succeeded | Monthly: $12.99 was paid. Your balance is $37.01.',
        'Платёж прошёл | Подписка «Monthly»: списано 12,99 $. На балансе 37,01 $.',
      ],
    ],
  },
  charge_failed: {
    top_up: [
      [
        { ...topUp, reason: 'card_declined' },
        'Top-up failed | $50.00 was not added: the card was declined. Nothing was taken from you.',
        'Баланс не пополнен | Зачислить 50,00 $ не удалось: карта отклонена. Деньги не списаны.',
      ],
      [
        { ...topUp, reason: 'expired_card' },
        'Top-up failed | $50.00 was not added: the card has expired. Nothing was taken from you.',
        'Баланс не пополнен | Зачислить 50,00 $ не удалось: срок действия карты истёк. Деньги не списаны.',
      ],
      [
        { ...topUp, reason: 'insufficient_funds' },
        'Top-up failed | $50.00 was not added: there was not enough money on the card. Nothing was taken from you.',
        'Баланс не пополнен | Зачислить 50,00 $ не удалось: на карте недостаточно средств. Деньги не списаны.',
      ],
      [
        { ...topUp, reason: 'lost_in_space' },
        'Top-up failed | $50.00 was not added: the payment was declined. Nothing was taken from you.',
        'Баланс не пополнен | Зачислить 50,00 $ не удалось: платёж отклонён. Деньги не списаны.',
      ],
    ],
    charge: [
      [
        { ...charge, shortfall: 400, awaitingFunds: true },
        'Your balance is too low | Monthly: $12.99 could not be paid, $4.00 is missing. It is paid as soon as you top up.',
        'Недостаточно средств на балансе | Подписка «Monthly»: не удалось списать 12,99 $, не хватает 4,00 $. Платёж пройдёт, как только вы пополните баланс.',
      ],
      [
        { ...charge, planName: 'Pro', upgrade: true, shortfall: 400, awaitingFunds: false },
        'Your balance is too low | Upgrade to Pro: $12.99 could not be paid, $4.00 is missing. Nothing was charged, and your plan stays as it is. Top up first to change it.',
        'Недостаточно средств на балансе | Переход на «Pro»: не удалось списать 12,99 $, не хватает 4,00 $. Деньги не списаны, тариф остался прежним. Чтобы сменить его, сначала пополните баланс.',
      ],
    ],
  },
  expiry_notice: {
    expired: [
      [
        { ...plan, endedAt: END },
        'Subscription ended | Monthly ended on December 23, 2026.',
        'Подписка закончилась | Подписка «Monthly» закончилась 23 декабря 2026 года.',
      ],
      [
        { ...plan, endedAt: null },
        'Subscription ended | Monthly was not paid in time and did not start. Nothing was charged.',
        'Подписка закончилась | Подписка «Monthly» не была оплачена вовремя и не началась. Деньги не списаны.',
      ],
    ],
    canceled: [
      [
        { ...plan, accessUntil: END },
        'Auto-renewal is off | Monthly is yours until December 23, 2026, and does not renew after that.',
        'Автопродление выключено | Подписка «Monthly» действует до 23 декабря 2026 года и после этого не продлится.',
      ],
      [
        { ...plan, accessUntil: null },
        'Auto-renewal is off | Monthly does not renew.',
        'Автопродление выключено | Подписка «Monthly» не продлится.',
      ],
    ],
    renewal: [
      [
        { ...plan, endsAt: END, amountDue: due, nextPlanName: null },
        'Renews in 3 days | Monthly renews on December 23, 2026 for $12.99, paid from your balance.',
        'Продление через 3 дня | Подписка «Monthly» продлится 23 декабря 2026 года, с баланса спишется 12,99 $.',
      ],
      [
        { ...plan, endsAt: END, amountDue: due, nextPlanName: 'Basic' },
        'Renews in 3 days | Monthly changes to Basic on December 23, 2026 for $12.99, paid from your balance.',
        'Продление через 3 дня | 23 декабря 2026 года вместо подписки «Monthly» начнётся «Basic», с баланса спишется 12,99 $.',
      ],
      [
        { ...plan, endsAt: END, amountDue: null, nextPlanName: null },
        'Renews in 3 days | Monthly renews on December 23, 2026.',
        'Продление через 3 дня | Подписка «Monthly» продлится 23 декабря 2026 года.',
      ],
    ],
    trial_end: [
      [
        { ...plan, endsAt: END, amountDue: due, nextPlanName: null },
        'Your trial ends in 3 days | Your trial of Monthly ends on December 23, 2026; then $12.99 is charged.',
        'Пробный период закончится через 3 дня | Пробный период подписки «Monthly» закончится 23 декабря 2026 года, затем спишется 12,99 $.',
      ],
      [
        { ...plan, endsAt: END, amountDue: due, nextPlanName: 'Basic' },
        'Your trial ends in 3 days | Your trial of Monthly ends on December 23, 2026; then $12.99 is charged for Basic.',
        'Пробный период закончится через 3 дня | Пробный период подписки «Monthly» закончится 23 декабря 2026 года, затем спишется 12,99 $ за подписку «Basic».',
      ],
      [
        { ...plan, endsAt: END, amountDue: null, nextPlanName: null },
        'Your trial ends in 3 days | Your trial of Monthly ends on December 23, 2026.',
        'Пробный период закончится через 3 дня | Пробный период подписки «Monthly» закончится 23 декабря 2026 года.',
      ],
    ],
    expiry: [
      [
        { ...plan, endsAt: END },
        'Your subscription ends in 3 days | Monthly ends on December 23, 2026 and does not renew.',
        'Подписка закончится через 3 дня | Подписка «Monthly» закончится 23 декабря 2026 года и не продлится.',
      ],
    ],
    grace: [
      [
        { ...plan, endsAt: END, missing: { amount: 400, currency: 'USD' } },
        'Top up to keep your subscription | $4.00 is missing to renew Monthly. Top up by December 23, 2026 to keep it.',
        'Пополните баланс, чтобы сохранить подписку | Чтобы продлить подписку «Monthly», не хватает 4,00 $. Пополните баланс до 23 декабря 2026 года.',
      ],
      [
        { ...plan, endsAt: END, missing: null },
        'Top up to keep your subscription | Monthly is not renewed yet. Top up by December 23, 2026 to keep it.',
        'Пополните баланс, чтобы сохранить подписку | Подписка «Monthly» ещё не продлена. Пополните баланс до 23 декабря 2026 года.',
      ],
    ],
  },
};

/** Spaces that do not break, as Russian has them in amounts, look like others here. */
const asRead = ({ title, body }: { title: string; body: string }) =>
  `${title} | ${body}`.replace(/[\u00a0\u202f]/g, ' ');

const read = (type: string, kind: string, data: unknown, reader: Partial<Reader> = {}, toldAt = TOLD_AT) =>
  asRead(write({ type, kind, data }, toldAt, writerFor({ ...ANYONE, ...reader })));

const rows = Object.entries(TABLE).flatMap(([type, kinds]) =>
  Object.entries(kinds).flatMap(([kind, all]) =>
    (all as [unknown, string, string][]).map(([data, en, ru]) => ({ type, kind, data, en, ru })),
  ),
);

test('everything that can be said reads well in English and in Russian', () => {
  const said = rows.map(({ type, kind, data }) => [
    `${type} ${kind}`,
    read(type, kind, data, { locale: 'en' }),
    read(type, kind, data, { locale: 'ru' }),
  ]);
  expect(said).toEqual(rows.map(({ type, kind, en, ru }) => [`${type} ${kind}`, en, ru]));
});

test('no language lacks a text, and this table lacks none', () => {
  const kindsOf = (texts: object) =>
    Object.entries(texts).flatMap(([type, kinds]) => Object.keys(kinds).map((kind) => `${type} ${kind}`));
  expect(Object.keys(LANGUAGES)).toEqual(['en', 'ru']);
  for (const texts of Object.values(LANGUAGES)) expect(kindsOf(texts)).toEqual(kindsOf(TABLE));
});

test('days ahead are counted in the reader’s calendar, with the plurals of Russian', () => {
  const notice = { ...plan, endsAt: END };
  const title = (toldAt: string, locale: string, timeZone = 'UTC') =>
    read('expiry_notice', 'expiry', notice, { locale, timeZone }, toldAt).split(' | ')[0];
  const told: [daysBefore: string, en: string, ru: string][] = [
    ['2026-12-23T12:00:00.000Z', 'today', 'сегодня'],
    ['2026-12-22T12:00:00.000Z', 'tomorrow', 'завтра'],
    ['2026-12-21T12:00:00.000Z', 'in 2 days', 'послезавтра'],
    ['2026-12-20T12:00:00.000Z', 'in 3 days', 'через 3 дня'],
    ['2026-12-18T12:00:00.000Z', 'in 5 days', 'через 5 дней'],
    ['2026-12-02T12:00:00.000Z', 'in 21 days', 'через 21 день'],
    ['2026-12-01T12:00:00.000Z', 'in 22 days', 'через 22 дня'],
    ['2026-12-25T12:00:00.000Z', 'today', 'сегодня'],
  ];
  for (const [toldAt, en, ru] of told) {
    expect(title(toldAt, 'en')).toBe(`Your subscription ends ${en}`);
    expect(title(toldAt, 'ru')).toBe(`Подписка закончится ${ru}`);
  }
  // Midnight in UTC is still the evening before in Los Angeles.
  expect(title('2026-12-22T12:00:00.000Z', 'en', 'America/Los_Angeles')).toBe('Your subscription ends today');
});

test('a Russian reader sees amounts and dates in the Russian way, whatever the region; others read English', () => {
  const yen = { ...topUp, currency: 'JPY' as const, amount: 1_234_567, balanceAfter: Number.MAX_SAFE_INTEGER };
  for (const locale of ['ru', 'ru-RU', 'RU', 'ru-not a locale']) {
    expect(read('payment_succeeded', 'top_up', yen, { locale })).toBe(
      'Баланс пополнен | Зачислено 1 234 567 ¥. На балансе 9 007 199 254 740 991 ¥.',
    );
  }
  const roubles = { ...topUp, currency: 'RUB' as const, balanceAfter: 5 };
  expect(read('payment_succeeded', 'top_up', roubles, { locale: 'ru' })).toMatch(
    'Зачислено 50,00 ₽. На балансе 0,05 ₽.',
  );
  for (const locale of ['fr', 'uk-UA', 'constructor', '']) {
    expect(read('payment_succeeded', 'top_up', roubles, { locale })).toMatch(
      /^Balance topped up \| RUB 50\.00 was added/,
    );
  }
});
