import { PaymentSucceeded } from '@evergreen/contracts/events/gateway.ts';
import { PlanChangeDue, RefundDue, RenewalDue } from '@evergreen/contracts/events/subscriptions.ts';
import type { Transaction } from '@evergreen/contracts/http/wallet.ts';
import { describe, expect, test } from '@jest/globals';
import { type Attempt, attemptSentences } from '../src/decisions/attempt-text.ts';
import { type ExplainedCharge, explanationOf, type Facts } from '../src/decisions/explanation.ts';
import { moneyText } from '../src/decisions/wording.ts';

const ID = '01936f4e-6c1a-7d3b-8a53-000000000001';
const EVENT_ID = '01936f4e-6c1a-7d3b-8a53-000000000002';
const ASKED = '2026-11-23T08:00:00.000Z';
const PAID = '2026-11-24T09:30:00.000Z';

const line = (kind: Transaction['kind'], amount: number, balanceAfter: number): Transaction => ({
  id: ID,
  kind,
  amount,
  currency: 'USD',
  balanceAfter,
  description: '',
  reference: { type: kind, id: ID },
  createdAt: PAID,
});
const charge: ExplainedCharge = {
  id: ID,
  subscriptionId: 'S-1',
  status: 'paid',
  amount: 1_299,
  refunded: 0,
  period: { start: ASKED, end: '2026-12-23T08:00:00.000Z' },
  askedAt: ASKED,
  settledAt: PAID,
  description: 'Monthly',
  correlationId: 'renewals-1',
};
const tried = (operation: Attempt['operation'], ...outcomes: string[]): Attempt[] =>
  outcomes.map((outcome) => ({ at: ASKED, operation, outcome, durationMs: 8_000 }));
const facts = (transaction: Transaction, story: Facts['story'], more: Partial<Facts> = {}): Facts => ({
  transaction,
  trigger: { type: 'POST /v1/wallet/top-ups', id: null, correlationId: 'request-1', at: ASKED },
  story,
  paid: { charges: [], more: false },
  timeZone: 'Europe/Berlin',
  ...more,
});
const topUp = { origin: 'customer', paymentMethod: 'pm_card_visa', askedAt: ASKED } as const;

describe('the explanation of', () => {
  test('a top-up whose answer was lost twice, with the charge it paid', () => {
    const trigger = { type: PaymentSucceeded.type, id: EVENT_ID, correlationId: 'request-1', at: ASKED };
    const attempts = tried('pay', 'timeout', 'connection_lost', 'http_503');
    const explanation = explanationOf(
      facts(
        line('top_up', 5_000, 5_100),
        { kind: 'top_up', topUp, attempts },
        { trigger, paid: { charges: [charge], more: false } },
      ),
    );
    expect(explanation.sentences).toEqual([
      'You asked for a top-up of $50.00 with the payment method pm_card_visa on 23 November 2026 at 09:00 CET.',
      'The payment gateway was called 3 times: its answer was lost twice; it answered with error 503 once.',
      "The payment gateway's own event said that the payment was captured.",
      '$50.00 was credited on 24 November 2026 at 10:30 CET.',
      'The balance went from $1.00 to $51.00.',
      'It paid a charge that was waiting: “Monthly”, $12.99, asked for on 23 November 2026 at 09:00 CET.',
    ]);
    expect(explanation).toMatchObject({
      trigger,
      balance: { before: 100, after: 5_100, currency: 'USD' },
      charge: null,
      attempts,
    });
  });

  test('an automatic top-up', () => {
    const story = {
      kind: 'top_up',
      topUp: { ...topUp, origin: 'auto' },
      attempts: tried('pay', 'succeeded'),
    } as const;
    const { sentences } = explanationOf(facts(line('top_up', 5_000, 5_000), story, { timeZone: 'America/New_York' }));
    expect(sentences.slice(0, 2)).toEqual([
      'An automatic top-up of $50.00 with the payment method pm_card_visa began on 23 November 2026 at 03:00 GMT-5, as your settings say.',
      'The payment gateway was called once; it said that the payment was captured.',
    ]);
  });

  test('a charge that was paid at once', () => {
    const trigger = { type: RenewalDue.type, id: EVENT_ID, correlationId: 'renewals-1', at: ASKED };
    const story = { kind: 'charge', charge: { ...charge, refunded: 300 }, paidBy: null } as const;
    const explanation = explanationOf(facts(line('charge', -1_299, 1), story, { trigger }));
    expect(explanation.sentences).toEqual([
      'This charge of $12.99 is for “Monthly”: the period from 23 November 2026 at 09:00 CET to 23 December 2026 at 09:00 CET of the subscription S-1.',
      `It was asked for on 23 November 2026 at 09:00 CET by the event RenewalDue (“The next period is due”, ${EVENT_ID}).`,
      '$3.00 of it has been given back so far.',
      'The balance went from $13.00 to $0.01.',
    ]);
    expect(explanation.balance).toEqual({ before: 1_300, after: 1, currency: 'USD' });
    expect(explanation.charge).toMatchObject({ id: ID, refunded: 300 });
  });

  test('an upgrade speaks of the change, and not as if it were the whole period', () => {
    const trigger = { type: PlanChangeDue.type, id: EVENT_ID, correlationId: 'request-1', at: ASKED };
    const upgrade = { ...charge, amount: 700, description: 'Monthly to Premium, from 23 Nov to 23 Dec' };
    const { sentences } = explanationOf(
      facts(line('charge', -700, 300), { kind: 'charge', charge: upgrade, paidBy: null }, { trigger }),
    );
    expect(sentences).toEqual([
      'This charge of $7.00 is for “Monthly to Premium, from 23 Nov to 23 Dec”: a change of plan in the period from 23 November 2026 at 09:00 CET to 23 December 2026 at 09:00 CET of the subscription S-1.',
      `It was asked for on 23 November 2026 at 09:00 CET by the event PlanChangeDue (“An upgrade's prorated difference is due; it is paid at once or not at all”, ${EVENT_ID}).`,
      'Nothing of it has been given back so far.',
      'The balance went from $10.00 to $3.00.',
    ]);
  });

  test('a charge that waited for a top-up', () => {
    const story = { kind: 'charge', charge, paidBy: line('top_up', 1_299, 1_299) } as const;
    const { sentences } = explanationOf(facts(line('charge', -1_299, 0), story));
    expect(sentences.slice(1, 4)).toEqual([
      'It was asked for on 23 November 2026 at 09:00 CET (correlation id renewals-1), when the balance was too low.',
      'It waited for funds from 23 November 2026 at 09:00 CET to 24 November 2026 at 10:30 CET, when a top-up of $12.99 paid it.',
      'Nothing of it has been given back so far.',
    ]);
  });

  test('a refund to the balance, by an event', () => {
    const refund = {
      actorId: null,
      causeType: RefundDue.type,
      causationId: EVENT_ID,
      reason: 'Canceled',
      to: 'balance',
      at: ASKED,
    } as const;
    const { sentences } = explanationOf(
      facts(line('refund', 300, 301), { kind: 'refund', charge, refund, attempts: [] }),
    );
    expect(sentences).toEqual([
      `On 23 November 2026 at 09:00 CET the event RefundDue (“Give back a paid charge, in part or whole, as far as it has not been given back yet”, ${EVENT_ID}) asked for $3.00 of the charge “Monthly” ($12.99) to be given back. The reason given: “Canceled”.`,
      '$3.00 went to the balance.',
      'The balance went from $0.01 to $3.01.',
    ]);
  });

  test.each([
    ['payout', 'payment_method', tried('refund', 'succeeded'), '$3.00 left the balance for the payment method;'],
    ['refund', 'payment_method', tried('refund', 'timeout'), "The payment gateway's own event said that the money was"],
    ['refund', 'balance', tried('refund', 'declined'), 'So $3.00 went to the balance instead of the payment method.'],
  ] as const)('a %s to the %s through the gateway, by an operator', (kind, to, attempts, told) => {
    const refund = { actorId: 'O-1', causeType: 'POST', causationId: null, reason: 'Sorry', to, at: ASKED };
    const amount = kind === 'payout' ? -300 : 300;
    const { sentences } = explanationOf(facts(line('refund', amount, 300), { kind, charge, refund, attempts }));
    expect(sentences[0]).toContain('an operator (O-1) asked for $3.00 of the charge “Monthly” ($12.99)');
    expect(sentences.join(' ')).toContain(told);
  });

  test.each([
    [500, 'added $5.00 to'],
    [-500, 'took $5.00 from'],
  ])('an adjustment of %i', (amount, did) => {
    const adjustment = { actorId: 'O-1', causeType: 'POST', causationId: null, reason: 'Goodwill', at: PAID };
    const { sentences } = explanationOf(facts(line('adjustment', amount, 500), { kind: 'adjustment', adjustment }));
    expect(sentences[0]).toBe(
      `On 24 November 2026 at 10:30 CET an operator (O-1) ${did} the balance. The reason given: “Goodwill”.`,
    );
  });
});

test('attempts: look-ups are told apart, and calls that were not made are not counted as calls', () => {
  const attempts = [
    ...tried('pay', 'http_500', 'breaker_open', 'bulkhead_full', 'breaker_open'),
    ...tried('look_up', 'not_found', 'interrupted'),
    ...tried('pay', 'succeeded'),
  ];
  expect(attemptSentences(attempts)).toEqual([
    'The payment gateway was called 4 times, 2 of them to ask what had become of the payment: it answered with error 500 once; it knew of no payment yet once; the call was cut short, because this service was stopping, once; it said that the payment was captured once.',
    'A call was put off twice, because the payment gateway had failed too often just before.',
    'A call was put off once, because too many other payments were under way.',
  ]);
  expect(attemptSentences([])).toEqual([]);
});

test.each([
  [Number.MAX_SAFE_INTEGER, 'USD', '$90,071,992,547,409.91'],
  [-5, 'USD', '-$0.05'],
  [0, 'EUR', '€0.00'],
  [1_299, 'JPY', '¥1,299'],
] as const)('%i minor units of %s are written %s', (amount, currency, text) => {
  expect(moneyText(amount, currency)).toBe(text);
});
