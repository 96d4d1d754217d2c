import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import { type Customer, newCustomer, plus } from './customer.ts';
import { type Body, openRig, type Person, type Replica, type Rig, until, withKey } from './rig.ts';

let rig: Rig;
let service: Replica;
let customer: Customer;
let operator: Person;
beforeAll(async () => {
  rig = await openRig();
  service = await rig.startReplica();
  operator = rig.person({ role: 'operator', zoneinfo: 'UTC' });
});
beforeEach(() => {
  customer = newCustomer(rig, service);
});
afterAll(() => rig?.close());

const get = async (path: string, person = operator): Promise<Body> => (await service.call('GET', path, person)).body;
const extend = (id: string, body: Body, key?: string) =>
  service.call('POST', `/v1/operator/subscriptions/${id}/extend`, { ...withKey(operator, key), body });

describe('an operator reads', () => {
  test('everybody’s subscriptions, newest first and page by page, by user, plan and status', async () => {
    const { id: planId } = await customer.createPlan();
    const ids: string[] = [];
    for (const user of [customer.user, rig.person(), rig.person()]) {
      ids.unshift((await service.subscribe(user, planId)).id);
    }
    const list = '/v1/operator/subscriptions';
    const first = await get(`${list}?planId=${planId}&limit=2`);
    const rest = await get(`${list}?planId=${planId}&limit=2&cursor=${first.nextCursor}`);
    expect([...first.data, ...rest.data].map(({ id }: Body) => id)).toEqual(ids);
    expect(rest.nextCursor).toBeNull();

    const { data } = await get(`${list}?userId=${customer.user.id}`);
    expect(data).toMatchObject([{ id: ids[2], userId: customer.user.id, status: 'incomplete', planId }]);
    expect((await get(`${list}?userId=${customer.user.id}&status=active`)).data).toEqual([]);
    expect((await get(`${list}?planId=${planId}&status=incomplete`)).data).toHaveLength(3);
  });

  test('anybody’s subscription and its timeline, as the customer sees them', async () => {
    const one = await customer.activeOne();
    expect(await get(`/v1/operator/subscriptions/${one.id}`)).toEqual({
      userId: customer.user.id,
      ...(await customer.read(one.id)),
    });
    expect(await get(`/v1/operator/subscriptions/${one.id}/timeline`)).toEqual(
      await get(`/v1/subscriptions/${one.id}/timeline`, customer.user),
    );
  });

  test('what anybody may use, which a customer does not', async () => {
    const { id } = await customer.activeOne();
    const { data } = await get(`/v1/entitlements?userId=${customer.user.id}`);
    expect(data).toMatchObject([{ subscriptionId: id }]);
    expect(await get(`/v1/entitlements?userId=${customer.user.id}`, customer.user)).toEqual({ data });
    expect(await get('/v1/entitlements')).toEqual({ data: [] });
    expect(await get(`/v1/entitlements?userId=${customer.user.id}`, rig.person())).toMatchObject({
      status: 403,
      code: 'forbidden',
    });
  });

  test.each([
    ['GET', 'subscriptions'],
    ['GET', 'subscriptions/01936f4e-6c1a-7d3b-8a53-3f0c5f2b9d10'],
    ['GET', 'subscriptions/01936f4e-6c1a-7d3b-8a53-3f0c5f2b9d10/timeline'],
    ['POST', 'subscriptions/01936f4e-6c1a-7d3b-8a53-3f0c5f2b9d10/cancel'],
    ['POST', 'subscriptions/01936f4e-6c1a-7d3b-8a53-3f0c5f2b9d10/extend'],
    ['GET', 'scheduler'],
    ['POST', 'scheduler/pause'],
    ['POST', 'scheduler/resume'],
    ['GET', 'catch-up-preview'],
    ['GET', 'metrics'],
  ])('and nobody else may: %s %s', async (method, path) => {
    expect((await service.call(method, `/v1/operator/${path}`, customer.user)).body.code).toBe('forbidden');
    expect((await service.call(method, `/v1/operator/${path}`)).body.code).toBe('unauthenticated');
  });

  test('nothing where there is nothing', async () => {
    const nowhere = `/v1/operator/subscriptions/${uuidv7()}`;
    expect((await get(nowhere)).code).toBe('not_found');
    expect((await get(`${nowhere}/timeline`)).code).toBe('not_found');
    expect((await service.call('POST', `${nowhere}/cancel`, operator)).body.code).toBe('not_found');
    expect((await extend(uuidv7(), { by: 'P7D', reason: 'A gift' })).body.code).toBe('not_found');
  });
});

describe('an operator', () => {
  test('cancels for somebody, and the timeline says who and why', async () => {
    const { id, currentPeriod } = await customer.activeOne();
    const path = `/v1/operator/subscriptions/${id}/cancel`;
    const { status, body } = await service.call('POST', path, { ...operator, body: { reason: 'Asked by phone' } });
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { userId: customer.user.id, status: 'canceled', cancelAt: currentPeriod.end },
    });
    const { data } = await get(`/v1/subscriptions/${id}/timeline?limit=1`, customer.user);
    expect(data).toMatchObject([
      {
        trigger: 'cancel',
        actor: { id: operator.id, role: 'operator' },
        note: 'Asked by phone',
        cause: { type: 'POST /v1/operator/subscriptions/{id}/cancel' },
      },
    ]);
    const again = await service.call('POST', path, operator);
    expect(again.body).toMatchObject({ status: 409, code: 'invalid_transition' });
  });

  test('gives back what is unused when it ends now', async () => {
    const { id } = await customer.activeOne();
    const body = { at: 'now', refund: 'prorated', reason: 'Sold by mistake' };
    const path = `/v1/operator/subscriptions/${id}/cancel`;
    expect((await service.call('POST', path, { ...operator, body })).body.status).toBe('expired');
    await until('the refund', () => rig.refundsOf(id).length === 1);
  });

  test('gives somebody a week for free', async () => {
    const { id, currentPeriod } = await customer.activeOne();
    const { status, body } = await extend(id, { by: 'P7D', reason: 'We were down' });
    const end = plus(currentPeriod.end, { days: 7 });
    expect({ status, body }).toMatchObject({ status: 200, body: { userId: customer.user.id, nextRenewalAt: end } });
    const { data } = await get(`/v1/operator/subscriptions/${id}/timeline?limit=1`);
    expect(data).toMatchObject([{ trigger: 'extend', note: 'We were down', actor: { role: 'operator' } }]);
  });

  test('who repeats an extension extends once, also when the answer was never kept', async () => {
    const { id, currentPeriod } = await customer.activeOne();
    const [key, gift] = [uuidv7(), { by: 'P7D', reason: 'We were down' }];
    await extend(id, gift, key);
    expect((await extend(id, gift, key)).headers.get('idempotency-replayed')).toBe('true');
    // As after a crash between the commit and the answer.
    await rig.pool.query('UPDATE idempotency_key SET status_code = NULL, locked_until = now() WHERE key = $1', [key]);
    const { status, body } = await extend(id, gift, key);
    const end = plus(currentPeriod.end, { days: 7 });
    expect({ status, body }).toMatchObject({ status: 200, body: { nextRenewalAt: end } });
    expect((await customer.timeline(id)).filter((move) => move.startsWith('extend'))).toHaveLength(1);
    expect((await extend(id, gift)).body.nextRenewalAt).toBe(plus(end, { days: 7 }));
  });

  test('the database refuses an extension under an id that was made already', async () => {
    const { id } = await customer.activeOne();
    await extend(id, { by: 'P1D', reason: 'A gift' });
    await expect(
      rig.pool.query(
        `INSERT INTO timeline_entry SELECT (jsonb_populate_record(t, '{"version": 99}')).* FROM timeline_entry t
         WHERE subscription_id = $1 AND trigger = 'extend'`,
        [id],
      ),
    ).rejects.toThrow(/timeline_entry_extended_once/);
  });

  test.each([
    ['headers', { by: 'P7D', reason: 'A gift' }, 'idempotency_key_missing', null],
    ['nothing to extend by', { reason: 'A gift' }, 'validation_failed', 'body'],
    ['no reason', { by: 'P7D' }, 'validation_failed', 'body.reason'],
    ['an end that is no later', { until: '2020-01-01T00:00:00Z', reason: 'A gift' }, 'validation_failed', 'body.until'],
    ['eleven years', { by: 'P11Y', reason: 'A gift' }, 'validation_failed', 'body.by'],
  ])('extends nothing without a right request: %s', async (what, wrong, code, field) => {
    const { id } = await customer.activeOne();
    const path = `/v1/operator/subscriptions/${id}/extend`;
    const { body } = await service.call('POST', path, {
      ...(what === 'headers' ? operator : withKey(operator)),
      body: wrong,
    });
    expect(body).toMatchObject({ status: 400, code, ...(field && { errors: [{ field }] }) });
  });
});

test('a customer who asks for too much is told to wait, and leaves no more lines behind', async () => {
  const strict = await rig.startReplica({ COMMAND_LIMIT_PER_ACCOUNT: '5/1h' });
  const customer = newCustomer(rig, strict);
  const { id } = await customer.activeOne();
  const answers = [];
  for (const command of ['pause', 'resume', 'pause', 'resume', 'pause'] as const)
    answers.push(await customer.command(id, command));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 429]);
  expect(answers.at(-1)?.body.code).toBe('rate_limited');
  expect(Number(answers.at(-1)?.headers.get('retry-after'))).toBeGreaterThan(3_500);
  expect(await customer.timeline(id)).toHaveLength(6);
  await strict.stop();
});
