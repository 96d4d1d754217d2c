import { randomUUID } from 'node:crypto';
import { PaymentRefunded } from '@evergreen/contracts/events/gateway.ts';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { openRig, RELIABLE, type Replica, type Rig, SERVICE_TOKEN, VISA } from './rig.ts';

let rig: Rig;
let gateway: Replica;

beforeAll(async () => {
  rig = await openRig();
  gateway = await rig.startReplica();
});
beforeEach(() => gateway.setFaults(RELIABLE));
afterAll(() => rig.close());

const newPayment = async (): Promise<string> => (await gateway.pay()).body.id;

async function kept(paymentId: string): Promise<{ refunds: number; refunded: number; onPayment: number }> {
  const { rows } = await gateway.pool.query(
    `SELECT count(refund.id)::int AS refunds, coalesce(sum(refund.amount), 0)::int AS refunded,
            payment.refunded_amount AS "onPayment"
     FROM payment LEFT JOIN payment_refund AS refund ON refund.payment_id = payment.id
     WHERE payment.id = $1 GROUP BY payment.id`,
    [paymentId],
  );
  return rows[0];
}

test('a part of a payment is given back, kept under its key, and said in an event', async () => {
  const requestId = randomUUID();
  const paid = await gateway.pay();
  const { key, status, body } = await gateway.refund(paid.body.id, { headers: { 'x-request-id': requestId } });
  expect(status).toBe(201);
  expect(body).toEqual({
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    paymentId: paid.body.id,
    idempotencyKey: key,
    amount: 2_000,
    currency: 'USD',
    createdAt: expect.stringMatching(/^\d{4}-.*Z$/),
  });
  expect(await gateway.findRefund(key)).toMatchObject({ status: 200, body });
  expect(await gateway.find(paid.key)).toMatchObject({ status: 200, body: paid.body });
  const events = await rig.eventsOf(gateway, key);
  expect(events).toHaveLength(1);
  expect(events[0]).toMatchObject({
    type: PaymentRefunded.type,
    source: '/evergreen/gateway',
    subject: body.id,
    correlationid: requestId,
    time: body.createdAt,
  });
  expect(events[0]?.data).toEqual({
    refundId: body.id,
    paymentId: paid.body.id,
    idempotencyKey: key,
    amount: 2_000,
    currency: 'USD',
    decidedAt: body.createdAt,
  });
});

test('refunds of a payment add up to the whole of it, and to no more', async () => {
  const paymentId = await newPayment();
  expect((await gateway.refund(paymentId)).status).toBe(201);
  const tooMuch = await gateway.refund(paymentId, { body: { amount: 3_001 } });
  expect(tooMuch).toMatchObject({ status: 409, body: { code: 'refund_not_possible' } });
  expect((await gateway.findRefund(tooMuch.key)).status).toBe(404);
  expect((await gateway.refund(paymentId, { body: { amount: 3_000 } })).status).toBe(201);
  expect((await gateway.refund(paymentId, { body: { amount: 1 } })).status).toBe(409);
  expect(await kept(paymentId)).toEqual({ refunds: 2, refunded: 5_000, onPayment: 5_000 });
  expect(await rig.eventsOf(gateway, tooMuch.key)).toEqual([]);
});

test('the same key gets the same answer, also when nothing is left of the payment', async () => {
  const paymentId = await newPayment();
  const body = { amount: 5_000 };
  const first = await gateway.refund(paymentId, { body });
  const second = await gateway.refund(paymentId.toUpperCase(), { key: first.key, body });
  expect(first.headers.get('idempotency-replayed')).toBeNull();
  expect(second).toMatchObject({ status: 201, body: first.body });
  expect(second.headers.get('idempotency-replayed')).toBe('true');
  expect(await kept(paymentId)).toEqual({ refunds: 1, refunded: 5_000, onPayment: 5_000 });
  expect(await rig.eventsOf(gateway, first.key)).toHaveLength(1);
});

test('the same key with another amount or payment is refused', async () => {
  const paymentId = await newPayment();
  const other = await newPayment();
  const first = await gateway.refund(paymentId);
  const { key } = first;
  for (const again of [
    await gateway.refund(paymentId, { key, body: { amount: 1_999 } }),
    await gateway.refund(paymentId, { key, body: { amount: 5_001 } }),
    await gateway.refund(other, { key }),
    await gateway.refund(randomUUID(), { key }),
  ]) {
    expect(again).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } });
  }
  expect(await gateway.findRefund(key)).toMatchObject({ status: 200, body: first.body });
  expect(await kept(paymentId)).toMatchObject({ refunds: 1, onPayment: 2_000 });
  expect(await kept(other)).toMatchObject({ refunds: 0, onPayment: 0 });
});

test('of 20 racing requests with one key one is carried out, with one event, and all get its answer', async () => {
  const paymentId = await newPayment();
  const key = randomUUID();
  const answers = await Promise.all(Array.from({ length: 20 }, () => gateway.refund(paymentId, { key })));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
  expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
  expect(answers.filter(({ headers }) => headers.get('idempotency-replayed') === null)).toHaveLength(1);
  expect(await kept(paymentId)).toEqual({ refunds: 1, refunded: 2_000, onPayment: 2_000 });
  expect(await rig.eventsOf(gateway, key)).toHaveLength(1);
});

test('of 20 racing requests with one key over two payments one payment is touched, once', async () => {
  const payments = [await newPayment(), await newPayment()];
  const key = randomUUID();
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) => gateway.refund(payments[index % 2] as string, { key })),
  );
  const counts = (status: number) => answers.filter((answer) => answer.status === status).length;
  expect([counts(201), counts(422)]).toEqual([10, 10]);
  const touched = await Promise.all(payments.map(kept));
  expect(touched.map(({ refunded }) => refunded).sort()).toEqual([0, 2_000]);
  expect(await rig.eventsOf(gateway, key)).toHaveLength(1);
});

test('20 racing refunds never give back more than the payment', async () => {
  const paymentId = await newPayment();
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => gateway.refund(paymentId, { body: { amount: 700 } })),
  );
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(7);
  const refused = answers.filter(({ status }) => status !== 201);
  expect(refused.map(({ body }) => body.code)).toEqual(Array(13).fill('refund_not_possible'));
  expect(await kept(paymentId)).toEqual({ refunds: 7, refunded: 4_900, onPayment: 4_900 });
  await Promise.all(
    answers.map(async ({ key, status }) => {
      expect((await gateway.findRefund(key)).status).toBe(status === 201 ? 200 : 404);
    }),
  );
  const lastKey = answers.find(({ status }) => status === 201)?.key ?? '';
  expect(await rig.eventsOf(gateway, lastKey)).toHaveLength(1);
  const keys = new Set(answers.map(({ key }) => key));
  expect(rig.heard.filter(({ event }) => keys.has(event.data.idempotencyKey))).toHaveLength(7);
});

test('the database itself refuses to give back more than was captured', async () => {
  const captured = await newPayment();
  const declined = (await gateway.pay({ body: { ...VISA, paymentMethod: 'pm_card_declined' } })).body.id;
  const set = (id: string, amount: number) =>
    gateway.pool.query('UPDATE payment SET refunded_amount = $2 WHERE id = $1', [id, amount]);
  await expect(set(captured, 5_001)).rejects.toMatchObject({ code: '23514' });
  await expect(set(captured, -1)).rejects.toMatchObject({ code: '23514' });
  await expect(set(declined, 1)).rejects.toMatchObject({ code: '23514' });
});

test('a declined payment and an unknown one have nothing to give back', async () => {
  const declined = await gateway.pay({ body: { ...VISA, paymentMethod: 'pm_card_declined' } });
  const ofDeclined = await gateway.refund(declined.body.id);
  expect(ofDeclined).toMatchObject({ status: 409, body: { code: 'refund_not_possible' } });
  const ofUnknown = await gateway.refund(randomUUID());
  expect(ofUnknown).toMatchObject({ status: 404, body: { code: 'not_found' } });
  for (const { key } of [ofDeclined, ofUnknown]) {
    expect(await gateway.findRefund(key)).toMatchObject({ status: 404, body: { code: 'not_found' } });
    expect((await gateway.refund(await newPayment(), { key })).status).toBe(201);
  }
});

test.each([
  ['body.amount', { amount: 0 }],
  ['body.amount', { amount: -1 }],
  ['body.amount', { amount: 10.5 }],
  ['body.amount', { amount: 2 ** 53 }],
  ['body.amount', { amount: '2000' }],
  ['body.amount', {}],
  ['body.currency', { amount: 2_000, currency: 'USD' }],
])('a bad body is refused and names %s: %j', async (field, body) => {
  const { key, ...answer } = await gateway.refund(await newPayment(), { body });
  expect(answer).toMatchObject({
    status: 400,
    body: { code: 'validation_failed', errors: [{ field, message: expect.any(String) }] },
  });
  expect((await gateway.findRefund(key)).status).toBe(404);
});

test('a refund needs the id of a payment, and an Idempotency-Key that fits in a path', async () => {
  const paymentId = await newPayment();
  for (const wrongId of ['nonsense', `urn:uuid:${paymentId}`]) {
    const answer = await gateway.refund(wrongId);
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ field: 'params.paymentId' }] } });
  }
  const missing = await gateway.call('POST', `/payments/${paymentId}/refunds`, { body: { amount: 1 } });
  expect(missing).toMatchObject({ status: 400, body: { code: 'idempotency_key_missing' } });
  for (const key of ['a/b', 'x'.repeat(101)]) {
    const answer = await gateway.refund(paymentId, { key });
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ field: 'headers.idempotency-key' }] } });
  }
  expect(await kept(paymentId)).toMatchObject({ refunds: 0, onPayment: 0 });
});

test('only the holder of the API key may refund or look a refund up', async () => {
  const paymentId = await newPayment();
  for (const token of ['', 'wrong', SERVICE_TOKEN, rig.accessToken('operator')]) {
    const { key, ...answer } = await gateway.refund(paymentId, { token });
    expect(answer).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
    expect((await gateway.call('GET', `/refunds/by-key/${key}`, { token })).status).toBe(401);
  }
  expect(await kept(paymentId)).toMatchObject({ refunds: 0, onPayment: 0 });
});
