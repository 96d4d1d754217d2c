import { PaymentSucceeded } from '@evergreen/contracts/events/gateway.ts';
import type { Explanation, Transaction } from '@evergreen/contracts/http/wallet.ts';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import { call, due, newCharge, openRig, type Rig, refundDue, type User, until } from './rig.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await openRig();
}, 60_000);

afterAll(async () => {
  await rig?.close();
}, 30_000);

const lines = async (user: User, query = ''): Promise<Transaction[]> =>
  (await user.wallet(`/transactions${query}`)).body.data;

async function explainLine(user: User, line: Transaction | undefined): Promise<Explanation> {
  const { status, body } = await user.wallet(`/transactions/${line?.id}/explanation`);
  expect(status).toBe(200);
  expect(body.transaction).toEqual(line);
  return body;
}

const explain = async (user: User, kind: string) => explainLine(user, (await lines(user, `?kind=${kind}`))[0]);

describe('the explanation of', () => {
  test('a top-up tells of the attempt, the charge it paid and the balance; that charge tells of the top-up', async () => {
    const user = await rig.newUser({ timeZone: 'Asia/Tokyo' });
    const charge = newCharge(user.id, 1_299);
    await rig.say(due(charge));
    await rig.saidOf(charge, 1);
    const { body: topUp } = await user.topUp(5_000);

    const ofTopUp = await explain(user, 'top_up');
    expect(ofTopUp).toMatchObject({
      trigger: { at: topUp.createdAt },
      balance: { before: 0, after: 5_000, currency: 'USD' },
      charge: null,
      attempts: [{ operation: 'pay', outcome: 'succeeded' }],
    });
    expect(ofTopUp.sentences[0]).toMatch(/^You asked for a top-up of \$50\.00 .* at \d\d:\d\d GMT\+9\.$/);
    expect(ofTopUp.sentences.at(-1)).toMatch(
      /^It paid a charge that was waiting: “Monthly, .*”, \$12\.99, asked for on/,
    );

    const ofCharge = await explain(user, 'charge');
    expect(ofCharge.charge).toEqual({
      ...{ id: charge.id, subscriptionId: charge.subscriptionId, status: 'paid', amount: 1_299, refunded: 0 },
      ...{ period: charge.period, askedAt: charge.businessTime, settledAt: ofCharge.transaction.createdAt },
    });
    expect(ofCharge.balance).toEqual({ before: 5_000, after: 3_701, currency: 'USD' });
    expect(ofCharge.sentences.join(' ')).toMatch(/It waited for funds from .* when a top-up of \$50\.00 paid it\./);
  });

  test('a charge that was paid at once names its event, and what was given back of it', async () => {
    const user = await rig.newUser();
    await user.topUp(5_000);
    const charge = newCharge(user.id, 1_299);
    const event = due(charge);
    await rig.say(event);
    await rig.saidOf(charge, 1);
    const refund = refundDue(charge, uuidv7(), 300);
    await rig.say(refund);
    await until('the refund', async () => ((await lines(user, '?kind=refund')).length === 1 ? true : undefined));

    const ofCharge = await explain(user, 'charge');
    expect(ofCharge).toMatchObject({
      trigger: { type: event.type, id: event.id, correlationId: 'wallet-test', at: charge.businessTime },
      charge: { id: charge.id, refunded: 300 },
      attempts: [],
    });
    expect(ofCharge.sentences.join(' ')).toContain(`by the event RenewalDue (“The next period is due”, ${event.id}).`);
    expect(ofCharge.sentences.join(' ')).toContain('$3.00 of it has been given back so far.');

    const ofRefund = await explain(user, 'refund');
    expect(ofRefund).toMatchObject({ trigger: { type: refund.type, id: refund.id }, charge: { id: charge.id } });
    expect(ofRefund.sentences[0]).toContain('to be given back. The reason given: “Canceled at once”.');
  });

  test('a top-up whose answer was lost says so, and that the event of the gateway brought the outcome', async () => {
    const user = await rig.newUser();
    await rig.setFaults({ rates: { timeoutAfterCapture: 1 } });
    const { body: topUp } = await user.topUp(1_100).finally(() => rig.setFaults({ rates: { timeoutAfterCapture: 0 } }));
    expect(topUp.status).toBe('succeeded');
    const early = await explain(user, 'top_up');
    expect(early.trigger.type).toBe(PaymentSucceeded.type);
    // The call itself goes on until it has waited for 8 s; then the same call is made again, and answered.
    const explanation = await until(
      'both attempts',
      async () => {
        const current = await explain(user, 'top_up');
        return current.attempts.length >= 2 ? current : undefined;
      },
      15_000,
    );
    expect(explanation.attempts).toMatchObject([
      { operation: 'pay', outcome: 'timeout' },
      { operation: 'pay', outcome: 'succeeded' },
    ]);
    expect(explanation.attempts[0]?.durationMs).toBeGreaterThanOrEqual(7_900);
    expect(explanation.sentences.slice(1, 3)).toEqual([
      'The payment gateway was called twice: its answer was lost once; it said that the payment was captured once.',
      "The payment gateway's own event said that the payment was captured.",
    ]);
  }, 30_000);

  test('a refund to the payment method tells in both its halves who asked, why, and what the gateway said', async () => {
    const user = await rig.newUser();
    await user.topUp(5_000);
    const charge = newCharge(user.id, 1_299);
    await rig.say(due(charge));
    await rig.saidOf(charge, 1);
    const body = { chargeId: charge.id, to: 'payment_method', reason: 'Paid by mistake' };
    const answer = await rig.operate(user.id, 'refunds', { key: uuidv7(), body });
    expect(answer.body).toMatchObject({ status: 'succeeded', to: 'payment_method' });

    const halves = await lines(user, '?kind=refund');
    expect(halves.map(({ amount }) => amount)).toEqual([-1_299, 1_299]);
    for (const half of halves) {
      const { sentences, charge: given, attempts } = await explainLine(user, half);
      expect(sentences[0]).toMatch(/an operator \(.{36}\) asked for \$12\.99 of the charge .* “Paid by mistake”\.$/);
      expect(given).toMatchObject({ id: charge.id, status: 'refunded', refunded: 1_299 });
      expect(attempts).toMatchObject([{ operation: 'refund', outcome: 'succeeded' }]);
      expect(sentences[1]).toBe('The payment gateway was called once; it said that the money was given back.');
    }
  });

  test('an adjustment tells who, why, and which charge it paid', async () => {
    const user = await rig.newUser();
    const charge = newCharge(user.id, 300);
    await rig.say(due(charge));
    await rig.saidOf(charge, 1);
    const body = { amount: 500, currency: 'USD', reason: 'Goodwill' };
    expect((await rig.operate(user.id, 'adjustments', { key: uuidv7(), body })).status).toBe(201);

    const { sentences } = await explain(user, 'adjustment');
    expect(sentences[0]).toMatch(
      /an operator \(.{36}\) added \$5\.00 to the balance\. The reason given: “Goodwill”\.$/,
    );
    expect(sentences[1]).toBe('The balance went from $0.00 to $5.00.');
    expect(sentences[2]).toContain('It paid a charge that was waiting: “Monthly');
    expect((await explain(user, 'charge')).sentences.join(' ')).toContain('when an adjustment of $5.00 paid it.');
  });

  test('an unknown line, or one of somebody else, is a 404', async () => {
    const [user, other] = [await rig.newUser(), await rig.newUser()];
    await other.topUp(100);
    const [theirs] = await lines(other);
    for (const id of [theirs?.id, uuidv7()]) {
      expect((await user.wallet(`/transactions/${id}/explanation`)).body).toMatchObject({
        status: 404,
        code: 'not_found',
      });
    }
    expect((await user.wallet('/transactions/nonsense/explanation')).body).toMatchObject({ status: 400 });
  });

  test('an operator reads a user’s statement, top-ups and explanations, in the operator’s own time zone', async () => {
    const [user, other] = [await rig.newUser({ timeZone: 'Asia/Tokyo' }), await rig.newUser()];
    await user.topUp(700);
    await other.topUp(100);
    const of = (userId: string) => `${rig.stack.urls.wallet}/v1/wallets/${userId}`;
    const [line] = await lines(user);
    const [theirs] = await lines(other);
    expect((await rig.operator(`${of(user.id)}/transactions?kind=top_up`)).body).toEqual({
      ...{ data: [line], nextCursor: null },
    });
    expect((await rig.operator(`${of(user.id)}/top-ups`)).body).toEqual((await user.wallet('/top-ups')).body);
    const { body } = await rig.operator(`${of(user.id)}/transactions/${line?.id}/explanation`);
    expect(body).toMatchObject({ transaction: line, balance: { before: 0, after: 700 } });
    expect(body.sentences[0]).toMatch(/^You asked for a top-up of \$7\.00 .* at \d\d:\d\d UTC\.$/);
    // A line has to be that user's, and whoever is no operator sees nobody's.
    expect((await rig.operator(`${of(user.id)}/transactions/${theirs?.id}/explanation`)).status).toBe(404);
    for (const path of ['transactions', 'top-ups', `transactions/${line?.id}/explanation`]) {
      expect((await call(`${of(user.id)}/${path}`, { token: user.token })).body.code).toBe('forbidden');
    }
  });
});
