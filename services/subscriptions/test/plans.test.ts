import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import { newCustomer } from './customer.ts';
import { type Body, openRig, type Replica, type Rig, until, withKey } from './rig.ts';
import { succeeded } from './wallet.ts';

let rig: Rig;
let service: Replica;
beforeAll(async () => {
  rig = await openRig();
  service = await rig.startReplica();
});
afterAll(() => rig?.close());

const PLAN = { name: 'Yearly', price: { amount: 9_900, currency: 'USD' }, interval: { unit: 'year', count: 1 } };

describe('plans', () => {
  test('are created by an operator, with the defaults', async () => {
    const operator = rig.person({ role: 'operator' });
    const { status, headers, body } = await service.call('POST', '/v1/plans', { ...withKey(operator), body: PLAN });
    expect(status).toBe(201);
    expect(headers.get('location')).toBe(`/v1/plans/${body.id}`);
    expect(body).toMatchObject({
      ...PLAN,
      description: '',
      trialDays: 0,
      graceDays: 7,
      accessDuringGrace: false,
      active: true,
    });
    expect((await service.call('GET', `/v1/plans/${body.id}`)).body).toEqual(body);
  });

  test('are created once, whatever comes twice with one key', async () => {
    const operator = rig.person({ role: 'operator' });
    const request = { ...withKey(operator), body: { ...PLAN, name: 'Once' } };
    const first = await service.call('POST', '/v1/plans', request);
    const again = await service.call('POST', '/v1/plans', request);
    expect(again.body).toEqual(first.body);
    const { rowCount } = await rig.pool.query(`SELECT 1 FROM plan_version WHERE name = 'Once'`);
    expect(rowCount).toBe(1);
  });

  test('are listed newest first, page by page, without a token and without what is not sold any more', async () => {
    const operator = rig.person({ role: 'operator' });
    const sold = await service.createPlan(operator, { name: 'Sold' });
    const withdrawn = await service.createPlan(operator, { name: 'Withdrawn' });
    await rig.pool.query('UPDATE plan SET active = false WHERE id = $1', [withdrawn.id]);

    const page = await service.call('GET', '/v1/plans?limit=1');
    expect(page.body.data.map(({ id }: { id: string }) => id)).toEqual([sold.id]);
    const next = await service.call('GET', `/v1/plans?limit=1&cursor=${page.body.nextCursor}`);
    expect(next.body.data[0].createdAt <= sold.createdAt).toBe(true);

    const all = await service.call('GET', '/v1/plans?includeInactive=true', operator);
    expect(all.body.data.map(({ id }: { id: string }) => id)).toContain(withdrawn.id);
    const refused = await service.call('GET', '/v1/plans?includeInactive=true', rig.person());
    expect(refused.body).toMatchObject({ status: 403, code: 'forbidden' });
  });

  test('are an operator’s alone to create', async () => {
    const { body } = await service.call('POST', '/v1/plans', { ...withKey(rig.person()), body: PLAN });
    expect(body).toMatchObject({ status: 403, code: 'forbidden' });
  });

  test.each([
    ['body.name', { name: undefined }],
    ['body.price.amount', { price: { amount: 0, currency: 'USD' } }],
    ['body.price.amount', { price: { amount: 9.9, currency: 'USD' } }],
    ['body.price.currency', { price: { amount: 1, currency: 'XXX' } }],
    ['body.interval.unit', { interval: { unit: 'moon', count: 1 } }],
    ['body.interval.count', { interval: { unit: 'day', count: 0 } }],
    ['body.graceDays', { graceDays: -1 }],
    ['body.colour', { colour: 'green' }],
  ])('are refused with the field that is wrong: %s', async (field, wrong) => {
    const operator = rig.person({ role: 'operator' });
    const { body } = await service.call('POST', '/v1/plans', { ...withKey(operator), body: { ...PLAN, ...wrong } });
    expect(body).toMatchObject({ status: 400, code: 'validation_failed', errors: [{ field }] });
  });

  test('that are not there are 404, and an id that is none is 400', async () => {
    expect((await service.call('GET', `/v1/plans/${uuidv7()}`)).body.code).toBe('not_found');
    expect((await service.call('GET', '/v1/plans/monthly')).body).toMatchObject({
      code: 'validation_failed',
      errors: [{ field: 'params.id' }],
    });
  });

  test('a price that is zero does not get past the database either', async () => {
    const plan = await service.createPlan(rig.person({ role: 'operator' }));
    const free = rig.pool.query(
      `INSERT INTO plan_version SELECT (jsonb_populate_record(v, '{"version": 2, "price_amount": 0}')).*
       FROM plan_version v WHERE plan_id = $1`,
      [plan.id],
    );
    await expect(free).rejects.toThrow(/plan_version_price_amount_check/);
    await expect(rig.pool.query('UPDATE plan_version SET name = name WHERE plan_id = $1', [plan.id])).rejects.toThrow(
      /immutable/,
    );
  });
});

describe('a change of a plan', () => {
  const change = (id: string, body: Body) =>
    service.call('PATCH', `/v1/plans/${id}`, { ...rig.person({ role: 'operator' }), body });
  const price = (amount: number) => ({ price: { amount, currency: 'EUR' } });

  test('is a version of its own for who subscribes from now on, and leaves the others as they are', async () => {
    const customer = newCustomer(rig, service);
    const before = await customer.activeOne();
    const changed = await change(before.planId, { ...price(1_999), name: 'Monthly plus' });
    expect(changed.body).toMatchObject({ version: 2, name: 'Monthly plus', price: { amount: 1_999 }, graceDays: 7 });
    const newcomer = newCustomer(rig, service);
    expect(await service.subscribe(newcomer.user, before.planId)).toMatchObject({
      planVersion: 2,
      price: { amount: 1_999 },
    });
    await rig.moveClock({ months: 1, minutes: 1 });
    expect((await customer.asked(before.id, 2)).data.charge.amount).toBe(1_299);
  });

  test('for all subscriptions counts from the next period on, and is announced in what is upcoming', async () => {
    const customer = newCustomer(rig, service);
    const { id, planId } = await customer.activeOne();
    await change(planId, { ...price(1_999), appliesTo: 'all_subscriptions' });
    expect(await customer.read(id)).toMatchObject({ price: { amount: 1_299 }, planVersion: 1 });
    const upcoming = await service.call('GET', `/v1/subscriptions/${id}/upcoming?count=2`, customer.user);
    expect(upcoming.body.data.map(({ amount }: Body) => amount.amount)).toEqual([1_999, 1_999]);
    await rig.moveClock({ months: 1, minutes: 1 });
    const renewal = await customer.asked(id, 2);
    expect(renewal.data.charge.amount).toBe(1_999);
    await rig.say(succeeded(renewal));
    await until('the renewal', async () => (await customer.grants(id)).length === 2);
    expect(await customer.read(id)).toMatchObject({ price: { amount: 1_999 }, planVersion: 2 });
  });

  test('first for new ones and later for all makes two versions, and what changes nothing makes none', async () => {
    const { id } = await service.createPlan(rig.person({ role: 'operator' }));
    await change(id, price(1_999));
    expect((await change(id, price(1_999))).body.version).toBe(2);
    expect((await change(id, { appliesTo: 'all_subscriptions' })).body.version).toBe(3);
    expect((await change(id, { active: false })).body).toMatchObject({ version: 3, active: false });
    const { body } = await service.call('GET', `/v1/plans/${id}/versions`);
    expect(body.data.map(({ version, price: { amount }, appliesTo }: Body) => [version, amount, appliesTo])).toEqual([
      [3, 1_999, 'all_subscriptions'],
      [2, 1_999, 'new_subscriptions'],
      [1, 1_299, 'all_subscriptions'],
    ]);
  });

  test('by twenty operators at once is numbered without a gap', async () => {
    const { id } = await service.createPlan(rig.person({ role: 'operator' }));
    await Promise.all(Array.from({ length: 20 }, (_, index) => change(id, price(2_000 + index))));
    const { body } = await service.call('GET', `/v1/plans/${id}/versions?limit=100`);
    expect(body.data.map(({ version }: Body) => version)).toEqual(Array.from({ length: 21 }, (_, index) => 21 - index));
  });

  test('is refused in another currency, of another length, by a customer, and where there is no plan', async () => {
    const { id } = await service.createPlan(rig.person({ role: 'operator' }));
    const wrong = await change(id, { price: { amount: 1, currency: 'USD' } });
    expect(wrong.body).toMatchObject({ code: 'validation_failed', errors: [{ field: 'body.price.currency' }] });
    expect((await change(id, { interval: { unit: 'day', count: 1 } })).body.code).toBe('validation_failed');
    const customer = await service.call('PATCH', `/v1/plans/${id}`, { ...rig.person(), body: price(1) });
    expect(customer.body.code).toBe('forbidden');
    expect((await change(rig.person().id, price(1))).body.code).toBe('not_found');
  });
});
