import { SECRET_MARKER } from '@evergreen/stack/secret-search.ts';
import { startTestStack } from '@evergreen/stack/testing.ts';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import { call, openRig, type Rig, type User } from './rig.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await openRig();
}, 60_000);

afterAll(() => rig?.close(), 30_000);

const save = (user: User, token: unknown, key = uuidv7()) => user.wallet('/payment-methods', { key, body: { token } });
const saved = async (user: User) => (await user.wallet('/payment-methods')).body;

test('a token is saved with what the gateway says of it, and saved again it is the same one', async () => {
  const user = await rig.newUser();
  expect(await saved(user)).toEqual({ data: [], nextCursor: null });
  const key = uuidv7();
  const visa = await save(user, 'pm_card_visa', key);
  expect(visa).toMatchObject({ status: 201, body: { token: 'pm_card_visa', brand: 'visa', last4: '4242' } });
  expect(await save(user, 'pm_card_visa', key)).toMatchObject({ status: 201, body: visa.body });
  expect(await save(user, 'pm_card_visa')).toMatchObject({ status: 200, body: visa.body });
  const mastercard = await save(user, 'pm_card_mastercard');
  expect(await saved(user)).toEqual({ data: [mastercard.body, visa.body], nextCursor: null });
});

test('one token saved 20 times at once is one payment method', async () => {
  const user = await rig.newUser();
  const answers = await Promise.all(Array.from({ length: 20 }, () => save(user, 'pm_card_visa')));
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
});

test('a token the gateway does not know, card data, and a request without a key are refused', async () => {
  const user = await rig.newUser();
  expect((await save(user, 'pm_card_none')).body).toMatchObject({ status: 422, code: 'unknown_payment_method' });
  expect((await save(user, '4242424242424242')).body).toMatchObject({
    status: 400,
    errors: [{ field: 'body.token' }],
  });
  expect((await user.wallet('/payment-methods', { body: { token: 'pm_card_visa' } })).body).toMatchObject({
    code: 'idempotency_key_missing',
  });
  expect((await saved(user)).data).toEqual([]);
});

test('each user has payment methods of their own, and deletes no others', async () => {
  const [user, other] = [await rig.newUser(), await rig.newUser()];
  const { body: mine } = await save(user, 'pm_card_visa');
  const remove = (who: User, id: string) => who.wallet(`/payment-methods/${id}`, { method: 'DELETE' });
  expect((await remove(other, mine.id)).body).toMatchObject({ status: 404, code: 'not_found' });
  expect((await saved(other)).data).toEqual([]);
  expect((await remove(user, mine.id)).status).toBe(204);
  expect((await remove(user, mine.id)).status).toBe(404);
  expect((await saved(user)).data).toEqual([]);
});

test('a user has 20 at most, also when several come at once', async () => {
  const user = await rig.newUser();
  await rig.db.query(
    `INSERT INTO payment_method (id, user_id, token, brand, last4)
     SELECT gen_random_uuid(), $1, 'pm_old_' || n, 'visa', '0000' FROM generate_series(1, 19) AS n`,
    [user.id],
  );
  const tokens = ['pm_card_visa', 'pm_card_mastercard', 'pm_card_slow', 'pm_card_declined', 'pm_card_expired'];
  const answers = await Promise.all(tokens.map((token) => save(user, token)));
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 400, 400, 400, 400]);
  expect(answers.find(({ status }) => status === 400)?.body).toMatchObject({ errors: [{ field: 'body.token' }] });
  expect((await saved(user)).data).toHaveLength(20);
});

describe('the settings of automatic top-up', () => {
  const SETTINGS = { enabled: true, currency: 'USD', threshold: 0, amount: 100, maxPerDay: 1_000 };
  const put = (user: User, body: object) =>
    user.wallet('/auto-top-up', { method: 'PUT', body: { ...SETTINGS, ...body } });

  test('are kept by currency, and belong to their user', async () => {
    const [user, other] = [await rig.newUser(), await rig.newUser()];
    const { id: paymentMethodId } = (await save(user, 'pm_card_visa')).body;
    await put(user, { paymentMethodId });
    const euros = await put(user, { currency: 'EUR', paymentMethodId, threshold: 900 });
    const { data } = (await user.wallet('/auto-top-up')).body;
    expect(data).toEqual([euros.body, { ...SETTINGS, paymentMethodId, restsUntil: null, lastFailure: null }]);
    expect((await user.wallet('/auto-top-up?currency=EUR')).body.data).toEqual([euros.body]);
    expect((await put(other, { paymentMethodId })).body).toMatchObject({ status: 422, code: 'unknown_payment_method' });
    expect((await other.wallet('/auto-top-up')).body.data).toEqual([]);
  });

  test.each([
    ['no payment method while enabled', { paymentMethodId: null }, 'body.paymentMethodId'],
    ['an amount above the cap', { amount: 101, maxPerDay: 100 }, 'body.maxPerDay'],
    ['an amount of 0', { amount: 0 }, 'body.amount'],
    ['a fraction', { threshold: 0.5 }, 'body.threshold'],
    ['a cap above 2^53-1', { maxPerDay: 2 ** 53 }, 'body.maxPerDay'],
    ['an unknown currency', { currency: 'XXX' }, 'body.currency'],
    ['a field nobody knows', { cap: 1 }, 'body.cap'],
  ])('with %s are refused by the name of the field', async (_what, change, field) => {
    const user = await rig.newUser();
    const answer = await put(user, { paymentMethodId: uuidv7(), ...change });
    expect(answer.body).toMatchObject({ status: 400, code: 'validation_failed', errors: [{ field }] });
  });
});

test('while the gateway is down saving answers 503 and keeps nothing, and the same request works later', async () => {
  const stack = await startTestStack({ services: ['auth', 'wallet'] });
  try {
    const account = { email: `${uuidv7()}@test.example`, password: `${SECRET_MARKER}a-long-test-password` };
    const { body: session } = await call(`${stack.urls.auth}/v1/auth/register`, { body: account });
    const url = `${stack.urls.wallet}/v1/wallet/payment-methods`;
    const request = { token: session.accessToken, key: uuidv7(), body: { token: 'pm_card_visa' } };
    for (const _again of [1, 2]) {
      const answer = await call(url, request);
      expect(answer.body).toMatchObject({ status: 503, code: 'service_unavailable' });
      expect(answer.headers.get('retry-after')).toBe('3');
    }
    expect((await call(url, { token: session.accessToken })).body.data).toEqual([]);
  } finally {
    await stack.stop();
  }
}, 60_000);
