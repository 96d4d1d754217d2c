import { randomUUID } from 'node:crypto';
import { PaymentDeclined, PaymentSucceeded } from '@evergreen/contracts/events/gateway.ts';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { openRig, RELIABLE, type Replica, type Rig, SERVICE_TOKEN, until, VISA } from './rig.ts';

let rig: Rig;
let gateway: Replica;

beforeAll(async () => {
  rig = await openRig();
  gateway = await rig.startReplica();
});
beforeEach(() => gateway.setFaults(RELIABLE));
afterAll(() => rig.close());

test('a payment is captured, kept under its key, and said in an event', async () => {
  const requestId = randomUUID();
  const { key, status, body } = await gateway.pay({ headers: { 'x-request-id': requestId } });
  expect(status).toBe(201);
  expect(body).toEqual({
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    idempotencyKey: key,
    status: 'succeeded',
    amount: 5_000,
    currency: 'USD',
    createdAt: expect.stringMatching(/^\d{4}-.*Z$/),
  });
  expect(await gateway.find(key)).toMatchObject({ status: 200, body });
  const events = await rig.eventsOf(gateway, key);
  expect(events).toHaveLength(1);
  expect(events[0]).toMatchObject({
    type: PaymentSucceeded.type,
    source: '/evergreen/gateway',
    subject: body.id,
    correlationid: requestId,
    time: body.createdAt,
  });
  expect(events[0]?.data).toEqual({
    paymentId: body.id,
    idempotencyKey: key,
    amount: 5_000,
    currency: 'USD',
    decidedAt: body.createdAt,
  });
});

test.each([
  ['pm_card_declined', 'card_declined'],
  ['pm_card_insufficient_funds', 'insufficient_funds'],
  ['pm_card_expired', 'expired_card'],
])('%s is declined with %s, and the decline is kept', async (paymentMethod, declineCode) => {
  const first = await gateway.pay({ body: { ...VISA, paymentMethod } });
  expect(first.status).toBe(402);
  expect(first.body).toMatchObject({ status: 'declined', declineCode, idempotencyKey: first.key, amount: 5_000 });
  const second = await gateway.pay({ key: first.key, body: { ...VISA, paymentMethod } });
  expect(second).toMatchObject({ status: 402, body: first.body });
  expect(await gateway.find(first.key)).toMatchObject({ status: 200, body: first.body });
  const events = await rig.eventsOf(gateway, first.key);
  expect(events).toHaveLength(1);
  expect(events[0]).toMatchObject({ type: PaymentDeclined.type, data: { paymentId: first.body.id, declineCode } });
});

test('pm_card_slow is captured after five seconds, also when the client has long gone', async () => {
  const key = randomUUID();
  const startedAtMs = Date.now();
  const body = { ...VISA, paymentMethod: 'pm_card_slow' };
  await expect(gateway.pay({ key, body, timeoutMs: 200 })).rejects.toMatchObject({ name: 'TimeoutError' });
  expect(await gateway.find(key)).toMatchObject({ status: 404, body: { code: 'not_found' } });
  await until('the payment to be in hand', async () => (await gateway.activity()).inFlight === 1);
  await until('the slow payment', async () => (await gateway.find(key)).status === 200);
  expect(Date.now() - startedAtMs).toBeGreaterThanOrEqual(5_000);
  await until('nothing to be in hand', async () => (await gateway.activity()).inFlight === 0);
  expect(await rig.eventsOf(gateway, key)).toHaveLength(1);
});

test('the same key with the same body gets the same answer, and captures nothing more', async () => {
  const first = await gateway.pay();
  const second = await gateway.pay({ key: first.key });
  expect(second).toMatchObject({ status: 201, body: first.body });
  expect(first.headers.get('idempotency-replayed')).toBeNull();
  expect(second.headers.get('idempotency-replayed')).toBe('true');
  expect(await rig.eventsOf(gateway, first.key)).toHaveLength(1);
});

test.each([
  ['amount', { amount: 5_001 }],
  ['currency', { currency: 'EUR' }],
  ['payment method', { paymentMethod: 'pm_card_mastercard' }],
])('the same key with another %s is refused', async (_what, change) => {
  const first = await gateway.pay();
  const second = await gateway.pay({ key: first.key, body: { ...VISA, ...change } });
  expect(second).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } });
  expect(await gateway.find(first.key)).toMatchObject({ status: 200, body: first.body });
});

test('of 20 racing requests with one key one is captured, with one event, and all get its answer', async () => {
  const key = randomUUID();
  const answers = await Promise.all(Array.from({ length: 20 }, () => gateway.pay({ key })));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
  expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
  expect(answers.filter(({ headers }) => headers.get('idempotency-replayed') === null)).toHaveLength(1);
  const { rows } = await gateway.pool.query('SELECT id FROM payment WHERE idempotency_key = $1', [key]);
  expect(rows).toEqual([{ id: answers[0]?.body.id }]);
  expect(await rig.eventsOf(gateway, key)).toHaveLength(1);
});

test('of 20 racing requests with one key and 20 amounts one is captured, and the others are refused', async () => {
  const key = randomUUID();
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) => gateway.pay({ key, body: { ...VISA, amount: 100 + index } })),
  );
  const captured = answers.filter(({ status }) => status === 201);
  expect(captured).toHaveLength(1);
  const refused = answers.filter(({ status }) => status === 422);
  expect(refused.map(({ body }) => body.code)).toEqual(Array(19).fill('idempotency_key_reused'));
  const [event, ...others] = await rig.eventsOf(gateway, key);
  expect(event?.data.amount).toBe(captured[0]?.body.amount);
  expect(others).toEqual([]);
});

test('an unknown payment method is refused, and nothing is kept', async () => {
  const body = { ...VISA, paymentMethod: 'pm_card_amex' };
  const { key, ...answer } = await gateway.pay({ body });
  expect(answer).toMatchObject({ status: 422, body: { code: 'unknown_payment_method' } });
  expect((await gateway.find(key)).status).toBe(404);
  expect((await gateway.pay({ key })).status).toBe(201);
});

test.each([
  ['amount', { ...VISA, amount: 0 }],
  ['amount', { ...VISA, amount: -1 }],
  ['amount', { ...VISA, amount: 10.5 }],
  ['amount', { ...VISA, amount: 2 ** 53 }],
  ['amount', { ...VISA, amount: '5000' }],
  ['amount', { currency: 'USD', paymentMethod: 'pm_card_visa' }],
  ['currency', { ...VISA, currency: 'usd' }],
  ['currency', { ...VISA, currency: 'XXX' }],
  ['paymentMethod', { ...VISA, paymentMethod: '4242424242424242' }],
  ['cvc', { ...VISA, cvc: '123' }],
])('a bad body is refused and names %s: %j', async (field, body) => {
  const { key, ...answer } = await gateway.pay({ body });
  expect(answer).toMatchObject({
    status: 400,
    body: { code: 'validation_failed', errors: [{ field: `body.${field}`, message: expect.any(String) }] },
  });
  expect(answer.headers.get('content-type')).toContain('application/problem+json');
  expect((await gateway.find(key)).status).toBe(404);
});

test('a payment needs an Idempotency-Key that fits in a path', async () => {
  const missing = await gateway.call('POST', '/payments', { body: VISA });
  expect(missing).toMatchObject({ status: 400, body: { code: 'idempotency_key_missing' } });
  for (const key of ['a/b', 'a b', 'x'.repeat(101)]) {
    const answer = await gateway.pay({ key });
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ field: 'headers.idempotency-key' }] } });
  }
  const longest = await gateway.pay({ key: 'x'.repeat(100) });
  expect(longest.status).toBe(201);
  expect((await gateway.find(longest.key)).status).toBe(200);
});

test('only the holder of the API key may pay or look up', async () => {
  const tokens = ['', 'wrong', SERVICE_TOKEN, rig.accessToken('operator')];
  for (const token of tokens) {
    const { key, ...answer } = await gateway.pay({ token });
    expect(answer).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
    expect((await gateway.call('GET', `/payments/by-key/${key}`, { token })).status).toBe(401);
    expect((await gateway.call('GET', '/payment-methods', { token })).status).toBe(401);
    expect((await gateway.find(key)).status).toBe(404);
  }
});

test('the test cards are listed for the wallet and for any user', async () => {
  const forWallet = await gateway.call('GET', '/payment-methods');
  const forUser = await gateway.call('GET', '/v1/gateway/payment-methods', { token: rig.accessToken('customer') });
  expect(forWallet.status).toBe(200);
  expect(forUser.body).toEqual(forWallet.body);
  expect(forUser.body.data).toHaveLength(6);
  expect(forUser.body.data[0]).toEqual({
    token: 'pm_card_visa',
    brand: 'visa',
    last4: '4242',
    behaviour: expect.any(String),
  });
  expect((await gateway.call('GET', '/v1/gateway/payment-methods', { token: '' })).status).toBe(401);
});

test('every public operation is documented with its tag, summary and credential', async () => {
  const { body } = await gateway.call('GET', '/openapi.json', { token: '' });
  const { paths } = body as unknown as { paths: Record<string, Record<string, Operation>> };
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { tags, summary, security }]) => {
      expect(tags).toHaveLength(1);
      expect(summary).toEqual(expect.any(String));
      return `${method} ${path} ${Object.keys(security?.[0] ?? {})}`;
    }),
  );
  expect(operations.sort()).toEqual([
    'get /payment-methods service',
    'get /payments/by-key/{idempotencyKey} service',
    'get /refunds/by-key/{idempotencyKey} service',
    'get /v1/gateway/faults accessToken',
    'get /v1/gateway/payment-methods accessToken',
    'post /payments service',
    'post /payments/{paymentId}/refunds service',
    'put /v1/gateway/faults accessToken',
  ]);
});

interface Operation {
  tags?: string[];
  summary?: string;
  security?: Record<string, string[]>[];
}
