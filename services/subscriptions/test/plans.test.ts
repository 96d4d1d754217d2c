import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import { openRig, type Replica, type Rig, withKey } from './rig.ts';

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
