import type { Charge } from '@evergreen/contracts/charge.ts';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import { expectLedgerToAddUp } from './audit.ts';
import { due, newCharge, openRig, type Rig, until } from './rig.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await openRig();
}, 60_000);

afterAll(() => rig?.close(), 30_000);

const adjust = (userId: string, amount: unknown, { key = uuidv7(), reason = 'Goodwill' as unknown, ...body } = {}) =>
  rig.operate(userId, 'adjustments', { key, body: { amount, currency: 'USD', reason, ...body } });

/** The operator's request died after its work was committed and before its answer was kept. */
const loseAnswer = (key: string) =>
  rig.db.query(
    `UPDATE idempotency_key SET status_code = NULL, body = NULL, locked_until = '-infinity' WHERE key = $1`,
    [key],
  );

test('a credit and a debit are in the statement with their reason, and are told of', async () => {
  const user = await rig.newUser();
  const credit = await adjust(user.id, 500, { reason: 'Service was down' });
  expect(credit).toMatchObject({
    status: 201,
    body: { kind: 'adjustment', amount: 500, balanceAfter: 500, description: 'Service was down' },
  });
  const debit = await adjust(user.id, -200, { reason: 'Credited by mistake' });
  expect(debit.body).toMatchObject({ amount: -200, balanceAfter: 300 });
  expect((await user.wallet('/transactions?kind=adjustment')).body.data).toEqual([debit.body, credit.body]);

  const told = await until('BalanceAdjusted', () =>
    rig.heard.others.find(({ subject }) => subject === debit.body.reference.id),
  );
  const { rows } = await rig.db.query('SELECT actor_id FROM transfer WHERE id = $1', [debit.body.id]);
  expect(rows[0].actor_id).toEqual(expect.any(String));
  expect(told.data).toMatchObject({
    userId: user.id,
    amount: -200,
    reason: 'Credited by mistake',
    operatorId: rows[0].actor_id,
    balanceAfter: 300,
  });
});

test('a credit pays the charge that waits for it', async () => {
  const user = await rig.newUser();
  const charge: Charge = newCharge(user.id, 700);
  await rig.say(due(charge));
  await rig.saidOf(charge, 1);
  await adjust(user.id, 700);
  expect(await user.balance()).toBe(0);
  expect(await rig.saidOf(charge, 2)).toEqual(['ChargeFailed', 'ChargeSucceeded']);
});

test('a debit that the balance does not cover is refused, and nothing moves', async () => {
  const user = await rig.newUser();
  await adjust(user.id, 100);
  const key = uuidv7();
  const refused = await adjust(user.id, -101, { key });
  expect(refused.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(refused.body).toMatchObject({ status: 409, code: 'insufficient_funds' });
  expect((await adjust(user.id, -101, { key })).body).toEqual(refused.body);
  expect(await user.balance()).toBe(100);
});

test('the same request 20 times at once moves money once, and 20 debits of the whole balance are one', async () => {
  const user = await rig.newUser();
  const key = uuidv7();
  const same = await Promise.all(Array.from({ length: 20 }, () => adjust(user.id, 100, { key })));
  expect(new Set(same.filter(({ status }) => status === 201).map(({ body }) => body.id)).size).toBe(1);
  expect(await user.balance()).toBe(100);
  const debits = await Promise.all(Array.from({ length: 20 }, () => adjust(user.id, -100)));
  expect(debits.filter(({ status }) => status === 201)).toHaveLength(1);
  expect(debits.filter(({ body }) => body.code === 'insufficient_funds')).toHaveLength(19);
  expect(await user.balance()).toBe(0);
  await expectLedgerToAddUp(rig.db);
});

test.each([
  ['a credit', 500],
  ['a debit, though the balance would not cover it again', -500],
])('%s whose answer was lost in a crash is answered by its repeat, and not done again', async (_what, amount) => {
  const user = await rig.newUser();
  await adjust(user.id, 500);
  const key = uuidv7();
  const first = await adjust(user.id, amount, { key });
  expect(first.status).toBe(201);
  await loseAnswer(key);
  expect(await adjust(user.id, amount, { key })).toMatchObject({ status: 201, body: first.body });
  expect(await user.balance()).toBe(500 + amount);
});

test('a credit above 2^53-1 is refused, also together with a top-up that is on its way', async () => {
  const user = await rig.newUser();
  const all = Number.MAX_SAFE_INTEGER;
  const noRoom = { status: 400, code: 'validation_failed', errors: [{ field: 'body.amount' }] };
  expect((await user.topUp(100, { paymentMethod: 'pm_card_slow' })).status).toBe(202);
  expect((await adjust(user.id, all - 99)).body).toMatchObject(noRoom);
  expect((await adjust(user.id, all - 100)).status).toBe(201);
  expect((await adjust(user.id, all)).body).toMatchObject(noRoom);
  await until('the top-up', async () => ((await user.balance()) === all ? true : undefined));
}, 20_000);

test.each([
  ['no reason', { reason: undefined }, 'body.reason'],
  ['a blank reason', { reason: '    ' }, 'body.reason'],
  ['a reason of two letters', { reason: 'ok' }, 'body.reason'],
  ['an amount of 0', { amount: 0 }, 'body.amount'],
  ['a fraction', { amount: 1.5 }, 'body.amount'],
  ['an amount below -(2^53-1)', { amount: -(2 ** 53) }, 'body.amount'],
  ['an unknown currency', { currency: 'XXX' }, 'body.currency'],
])('with %s it is refused by the name of the field', async (_what, change, field) => {
  const body = { amount: 100, currency: 'USD', reason: 'Goodwill', ...change };
  const answer = await rig.operate(uuidv7(), 'adjustments', { key: uuidv7(), body });
  expect(answer.body).toMatchObject({ status: 400, code: 'validation_failed', errors: [{ field }] });
});

test('operators see the balances of a user, and a customer neither sees nor adjusts any, not even the own', async () => {
  const user = await rig.newUser();
  await adjust(user.id, 500);
  const wallet = `${rig.stack.urls.wallet}/v1/wallets/${user.id}`;
  expect(await rig.operator(wallet)).toMatchObject({
    status: 200,
    body: { balances: [{ currency: 'USD', amount: 500 }] },
  });
  const asCustomer = (path: string, init = {}) => user.wallet(path, init);
  expect((await asCustomer(`s/${user.id}`)).body).toMatchObject({ status: 403, code: 'forbidden' });
  const body = { amount: 500, currency: 'USD', reason: 'For me' };
  expect((await asCustomer(`s/${user.id}/adjustments`, { key: uuidv7(), body })).body).toMatchObject({ status: 403 });
  expect(await user.balance()).toBe(500);
});
