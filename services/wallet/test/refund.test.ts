import type { Charge } from '@evergreen/contracts/charge.ts';
import { ChargeRefunded } from '@evergreen/contracts/events/wallet.ts';
import { WALLET_CHARGES } from '@evergreen/contracts/topology.ts';
import { queueNames } from '@evergreen/service-kit/topology.ts';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import { due, newCharge, openRig, type Rig, refundDue, until, voiding } from './rig.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await openRig();
}, 60_000);

afterAll(() => rig?.close(), 30_000);

/** A user with an empty balance who has paid one charge of this many cents. */
async function payer(amount: number) {
  const user = await rig.newUser();
  await user.topUp(amount);
  const charge = newCharge(user.id, amount);
  await rig.say(due(charge));
  await rig.saidOf(charge, 1);
  const refund = (body: Record<string, unknown>, key: string = uuidv7()) =>
    rig.operate(user.id, 'refunds', { key, body: { chargeId: charge.id, reason: 'Service was down', ...body } });
  return { user, charge, refund };
}

const chargeRow = async (id: string) =>
  (await rig.db.query('SELECT status, refunded_amount::int AS refunded FROM charge WHERE id = $1', [id])).rows[0];

/** What was said to have been given back of a charge, in order. */
const refundsHeardOf = (charge: Charge): number[] =>
  rig.heard.others
    .filter(({ type, data }) => type === ChargeRefunded.type && (data as { chargeId: string }).chargeId === charge.id)
    .map(({ data }) => (data as { refundAmount: number }).refundAmount);

const givenBack = async (userId: string): Promise<number> => {
  const { rows } = await rig.gatewayDb.query(
    `SELECT coalesce(sum(r.amount), 0)::int AS total FROM payment_refund r JOIN payment p ON p.id = r.payment_id
     WHERE p.idempotency_key = ANY ($1::text[])`,
    [(await rig.db.query('SELECT id::text FROM top_up WHERE user_id = $1', [userId])).rows.map(({ id }) => id)],
  );
  return rows[0].total;
};

describe('a refund to the balance', () => {
  test('of all that is left is credited at once, and is in the statement with its reason', async () => {
    const { user, charge, refund } = await payer(1_299);
    expect(await refund({})).toMatchObject({
      status: 201,
      body: { chargeId: charge.id, amount: 1_299, to: 'balance', status: 'succeeded', reason: 'Service was down' },
    });
    expect(await user.balance()).toBe(1_299);
    expect(await chargeRow(charge.id)).toEqual({ status: 'refunded', refunded: 1_299 });
    expect((await user.wallet('/transactions')).body.data[0]).toMatchObject({
      kind: 'refund',
      amount: 1_299,
      description: 'Refund: Service was down',
    });
  });

  test('sent again with its key gives nothing back a second time', async () => {
    const { user, refund } = await payer(1_000);
    const key = uuidv7();
    const [first, second] = [await refund({ amount: 300 }, key), await refund({ amount: 300 }, key)];
    expect(second.body).toEqual(first.body);
    expect(await user.balance()).toBe(300);
  });

  test('20 at once never give back more than was paid', async () => {
    const { user, charge, refund } = await payer(1_000);
    const answers = await Promise.all(Array.from({ length: 20 }, () => refund({ amount: 150 })));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(6);
    const refused = answers.filter(({ status }) => status !== 201);
    expect(new Set(refused.map(({ body }) => body.code))).toEqual(new Set(['refund_not_possible']));
    expect(await user.balance()).toBe(900);
    expect(await chargeRow(charge.id)).toEqual({ status: 'paid', refunded: 900 });
  });

  test('settles a charge that waits, in the same moment', async () => {
    const { user, refund } = await payer(1_000);
    const waiting = newCharge(user.id, 400);
    await rig.say(due(waiting));
    expect(await rig.saidOf(waiting, 1)).toEqual(['ChargeFailed']);
    await refund({});
    expect(await user.balance()).toBe(600);
    expect(await rig.saidOf(waiting, 2)).toEqual(['ChargeFailed', 'ChargeSucceeded']);
  });

  test('that subscriptions says is due happens once, however often it is said, under one id or many', async () => {
    const { user, charge } = await payer(1_000);
    const refundId = uuidv7();
    const event = refundDue(charge, refundId, 400);
    await rig.say(event, event, refundDue(charge, refundId, 400));
    await rig.quiet();
    expect(await user.balance()).toBe(400);
  });
});

describe('a refund that subscriptions says is due', () => {
  test('of more than an operator has left of the charge gives back what is left, once', async () => {
    const { user, charge, refund } = await payer(1_000);
    expect((await refund({ amount: 700 })).status).toBe(201);
    const refundId = uuidv7();
    await rig.say(refundDue(charge, refundId, 500));
    await rig.say(refundDue(charge, refundId, 500));
    await rig.quiet();
    expect(await user.balance()).toBe(1_000);
    expect(await chargeRow(charge.id)).toEqual({ status: 'refunded', refunded: 1_000 });
    expect(refundsHeardOf(charge)).toEqual([700, 300]);
  });

  test('of what an operator is giving back to the payment method counts that as given', async () => {
    const { user, charge, refund } = await payer(1_000);
    await rig.setFaults({ outage: true });
    try {
      expect(await refund({ amount: 600, to: 'payment_method' })).toMatchObject({ status: 202 });
      await rig.say(refundDue(charge, uuidv7(), 1_000));
      await until('the refund', async () => ((await user.balance()) > 0 ? true : undefined));
      expect(await user.balance()).toBe(400);
    } finally {
      await rig.setFaults({ outage: false });
    }
    await rig.quiet(60_000);
    expect(await chargeRow(charge.id)).toEqual({ status: 'refunded', refunded: 1_000 });
    expect((await givenBack(user.id)) + (await user.balance())).toBe(1_000);
  }, 90_000);

  test('of a charge that nothing is left of, that waits or is voided, posts nothing, and its neighbours go on', async () => {
    const { user, charge: empty, refund } = await payer(400);
    await refund({});
    const [waiting, voided, paid] = [newCharge(user.id, 5_000), newCharge(user.id, 5_000), newCharge(user.id, 100)];
    await rig.say(due(waiting), due(voided), voiding(voided), due(paid));
    await rig.saidOf(paid, 1);
    await rig.say(...[empty, waiting, voided, paid].map((charge) => refundDue(charge, uuidv7(), 100)));
    // Which would find a message that went to the dead letters.
    await rig.quiet();
    expect(await user.balance()).toBe(400);
    expect([empty, waiting, voided, paid].map(refundsHeardOf)).toEqual([[400], [], [], [100]]);
    const { rows } = await rig.db.query(`SELECT amount::int FROM refund WHERE user_id = $1 ORDER BY seq`, [user.id]);
    expect(rows).toEqual([{ amount: 400 }, { amount: 100 }]);
  });
});

test('a refund that the balance has no room for is refused, and one that just fits is not', async () => {
  const { user, refund } = await payer(500);
  expect((await user.topUp(Number.MAX_SAFE_INTEGER - 200)).status).toBe(201);
  expect((await refund({ amount: 201 })).body).toMatchObject({
    status: 400,
    code: 'validation_failed',
    errors: [{ field: 'body.amount' }],
  });
  expect((await refund({ amount: 200 })).status).toBe(201);
  expect(await user.balance()).toBe(Number.MAX_SAFE_INTEGER);
});

describe('a refund to the payment method', () => {
  test('goes through the gateway, leaves the balance as it was, and is in the statement as two lines', async () => {
    const { user, charge, refund } = await payer(2_000);
    expect(await refund({ amount: 500, to: 'payment_method' })).toMatchObject({
      status: 201,
      body: { status: 'succeeded', to: 'payment_method', amount: 500 },
    });
    expect(await user.balance()).toBe(0);
    expect(await givenBack(user.id)).toBe(500);
    expect(await chargeRow(charge.id)).toEqual({ status: 'paid', refunded: 500 });
    const { body } = await user.wallet('/transactions');
    expect(
      body.data.slice(0, 2).map(({ amount, balanceAfter }: Record<string, number>) => [amount, balanceAfter]),
    ).toEqual([
      [-500, 0],
      [500, 500],
    ]);
  });

  test('whose answer is lost is found out, and given back once', async () => {
    const { user, charge, refund } = await payer(2_000);
    await rig.setFaults({ rates: { timeoutAfterCapture: 1 } });
    const answer = await refund({ to: 'payment_method' }).finally(() =>
      rig.setFaults({ rates: { timeoutAfterCapture: 0 } }),
    );
    expect([201, 202]).toContain(answer.status);
    await rig.quiet(20_000);
    expect(await chargeRow(charge.id)).toEqual({ status: 'refunded', refunded: 2_000 });
    expect(await givenBack(user.id)).toBe(2_000);
    expect(await user.balance()).toBe(0);
  }, 40_000);

  test('and one to the balance at the same time share what was paid', async () => {
    const { user, charge, refund } = await payer(1_000);
    const answers = await Promise.all([
      ...Array.from({ length: 4 }, () => refund({ amount: 400, to: 'payment_method' })),
      ...Array.from({ length: 4 }, () => refund({ amount: 400 })),
    ]);
    expect(answers.filter(({ status }) => status < 300)).toHaveLength(2);
    await rig.quiet();
    expect(await chargeRow(charge.id)).toEqual({ status: 'paid', refunded: 800 });
    expect((await givenBack(user.id)) + (await user.balance())).toBe(800);
  });

  test('that no payment can take back is refused, and nothing is reserved', async () => {
    const user = await rig.newUser();
    await user.topUp(600);
    await user.topUp(600);
    const charge = newCharge(user.id, 1_000);
    await rig.say(due(charge));
    await rig.saidOf(charge, 1);
    const refund = (to: string) =>
      rig.operate(user.id, 'refunds', { key: uuidv7(), body: { chargeId: charge.id, reason: 'Too much', to } });
    expect((await refund('payment_method')).body).toMatchObject({ status: 409, code: 'refund_not_possible' });
    expect(await refund('balance')).toMatchObject({ status: 201, body: { amount: 1_000 } });
  });
});

test('a customer may not refund, and a charge of somebody else, or none, is not found', async () => {
  const { user, charge, refund } = await payer(500);
  const own = await user.wallet(`s/${user.id}/refunds`, {
    key: uuidv7(),
    body: { chargeId: charge.id, reason: 'I want it' },
  });
  expect(own.body).toMatchObject({ status: 403, code: 'forbidden' });
  const other = await rig.newUser();
  const wrong = await rig.operate(other.id, 'refunds', {
    key: uuidv7(),
    body: { chargeId: charge.id, reason: 'Not hers' },
  });
  expect(wrong.body).toMatchObject({ status: 404, code: 'not_found' });
  expect((await refund({ amount: 0 })).body).toMatchObject({ status: 400, errors: [{ field: 'body.amount' }] });
  expect((await refund({ reason: '' })).body).toMatchObject({ status: 400, errors: [{ field: 'body.reason' }] });
});

test('a refund due of a charge that the user does not have is an error, and is set aside', async () => {
  const { user, charge } = await payer(500);
  const other = await rig.newUser();
  await rig.say(
    refundDue({ ...charge, userId: other.id }, uuidv7(), 100),
    refundDue(newCharge(user.id, 500), uuidv7(), 100),
  );
  const retries = queueNames([WALLET_CHARGES]).filter((name) => name.includes('retry'));
  await until('both to wait for their next try', async () => {
    const depths = await rig.broker.queueDepths(retries);
    return depths.reduce((sum, { ready }) => sum + ready, 0) === 2 ? true : undefined;
  });
  expect([await user.balance(), await other.balance()]).toEqual([0, 0]);
  expect(await chargeRow(charge.id)).toEqual({ status: 'paid', refunded: 0 });
});
