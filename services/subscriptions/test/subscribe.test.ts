import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import { chargeId } from '../src/decisions/charge-id.ts';
import { type Body, openRig, type Replica, type Rig, until, withKey } from './rig.ts';

let rig: Rig;
let service: Replica;
let plan: Body;
beforeAll(async () => {
  rig = await openRig();
  service = await rig.startReplica();
  plan = await service.createPlan(rig.person({ role: 'operator' }), { name: 'Monthly' });
});
afterAll(() => rig?.close());

describe('subscribing', () => {
  test('answers at once, and asks the wallet for the first period', async () => {
    const user = rig.person();
    const { status, headers, body } = await service.call('POST', '/v1/subscriptions', {
      ...withKey(user),
      body: { planId: plan.id },
    });
    expect(status).toBe(201);
    expect(headers.get('location')).toBe(`/v1/subscriptions/${body.id}`);
    expect(body).toMatchObject({
      planId: plan.id,
      planName: 'Monthly',
      price: { amount: 1_299, currency: 'EUR' },
      status: 'incomplete',
      currentPeriod: null,
      access: false,
      waitingFor: { amount: 1_299, currency: 'EUR', shortfall: null },
      timeZone: 'Europe/Amsterdam',
      version: 1,
    });

    await until('the wallet to be asked', () => rig.askedAbout(body.id).length > 0);
    const [asked] = rig.askedAbout(body.id);
    expect(asked).toMatchObject({
      type: 'evergreen.subscriptions.SubscriptionRequested.v1',
      correlationid: headers.get('x-request-id'),
      data: { planId: plan.id, version: 1 },
    });
    const { charge } = asked?.data ?? ({} as never);
    expect(charge).toMatchObject({ userId: user.id, subscriptionId: body.id, amount: 1_299, currency: 'EUR' });
    expect(charge.period.start).toBe(body.createdAt);
    expect(charge.id).toBe(chargeId(body.id, Temporal.Instant.from(body.createdAt)));
    expect(charge).toMatchObject({ planName: 'Monthly', upgrade: false });
    expect(charge.description).toMatch(/^Monthly, \d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d$/);
  });

  test('with one key 20 times at once makes one subscription and asks for one charge', async () => {
    const user = rig.person();
    const request = { ...withKey(user), body: { planId: plan.id } };
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => service.call('POST', '/v1/subscriptions', request)),
    );
    for (const { status, body } of answers) {
      if (status !== 201) expect(body).toMatchObject({ status: 409, code: 'idempotency_key_in_use' });
    }
    const repeat = await service.call('POST', '/v1/subscriptions', request);
    const created = [...answers, repeat].filter(({ status }) => status === 201).map(({ body }) => body.id);
    expect(new Set(created).size).toBe(1);
    expect(repeat.headers.get('idempotency-replayed')).toBe('true');
    await expectOne(user.id);
  });

  test('20 times at once with 20 keys makes one subscription, and tells the others why not', async () => {
    const user = rig.person();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        service.call('POST', '/v1/subscriptions', { ...withKey(user), body: { planId: plan.id } }),
      ),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    for (const { status, body } of answers) if (status !== 201) expect(body.code).toBe('already_subscribed');
    await expectOne(user.id);
  });

  test('again with the same key after a crash finishes the work once', async () => {
    const user = rig.person();
    const request = { ...withKey(user), body: { planId: plan.id } };
    const first = await service.call('POST', '/v1/subscriptions', request);
    // As if the process had died between the commit and keeping the answer.
    await rig.pool.query('UPDATE idempotency_key SET status_code = NULL, locked_until = now() WHERE user_id = $1', [
      user.id,
    ]);
    const again = await service.call('POST', '/v1/subscriptions', request);
    expect(again.status).toBe(201);
    expect(again.body.id).toBe(first.body.id);
    await expectOne(user.id);
  });

  async function expectOne(userId: string): Promise<void> {
    const { rows } = await rig.pool.query('SELECT id FROM subscription WHERE user_id = $1', [userId]);
    expect(rows).toHaveLength(1);
    await until('the wallet to be asked', () => rig.askedAbout(rows[0].id).length > 0);
    const { rows: pending } = await rig.pool.query('SELECT 1 FROM outbox WHERE body LIKE $1', [`%${rows[0].id}%`]);
    expect(rig.askedAbout(rows[0].id).length + pending.length).toBe(1);
    const { rows: timeline } = await rig.pool.query('SELECT trigger FROM timeline_entry WHERE subscription_id = $1', [
      rows[0].id,
    ]);
    expect(timeline).toEqual([{ trigger: 'subscribe' }]);
  }
});

describe('subscribing is refused', () => {
  const subscribe = (body: unknown, person = rig.person()) =>
    service.call('POST', '/v1/subscriptions', { ...withKey(person), body });

  test('without a token', async () => {
    const { body } = await service.call('POST', '/v1/subscriptions', { body: { planId: plan.id } });
    expect(body).toMatchObject({ status: 401, code: 'unauthenticated' });
  });

  test('without an Idempotency-Key', async () => {
    const { body } = await service.call('POST', '/v1/subscriptions', { ...rig.person(), body: { planId: plan.id } });
    expect(body).toMatchObject({ status: 400, code: 'idempotency_key_missing' });
  });

  test('for a plan that is not there', async () => {
    expect((await subscribe({ planId: uuidv7() })).body).toMatchObject({ status: 404, code: 'not_found' });
  });

  test('for a plan that is not sold any more', async () => {
    const old = await service.createPlan(rig.person({ role: 'operator' }));
    await rig.pool.query('UPDATE plan SET active = false WHERE id = $1', [old.id]);
    expect((await subscribe({ planId: old.id })).body).toMatchObject({ status: 409, code: 'plan_not_available' });
  });

  test.each([
    ['body.planId', {}],
    ['body.planId', { planId: 7 }],
    ['body.planId', { planId: 'monthly' }],
    ['body.coupon', { planId: uuidv7(), coupon: 'FREE' }],
  ])('with the field that is wrong: %s', async (field, body) => {
    expect((await subscribe(body)).body).toMatchObject({ status: 400, code: 'validation_failed', errors: [{ field }] });
  });

  test('for a caller in a time zone that is none', async () => {
    const { body } = await subscribe({ planId: plan.id }, rig.person({ zoneinfo: 'Middle/Earth' }));
    expect(body).toMatchObject({ code: 'validation_failed', errors: [{ field: 'token.zoneinfo' }] });
  });
});

describe('a trial', () => {
  test('gives access at once and asks for no money', async () => {
    const withTrial = await service.createPlan(rig.person({ role: 'operator' }), { trialDays: 14 });
    const user = rig.person({ zoneinfo: 'UTC' });
    const subscription = await service.subscribe(user, withTrial.id);
    const endsAt = Temporal.Instant.from(subscription.createdAt).add({ hours: 14 * 24 });
    expect(subscription).toMatchObject({ status: 'trialing', access: true, waitingFor: null });
    expect(Temporal.Instant.from(subscription.nextRenewalAt ?? '').equals(endsAt)).toBe(true);
    expect(rig.askedAbout(subscription.id)).toEqual([]);
  });

  test('is for the first subscription to a plan', async () => {
    const withTrial = await service.createPlan(rig.person({ role: 'operator' }), { trialDays: 14 });
    const user = rig.person();
    const first = await service.subscribe(user, withTrial.id);
    await service.call('POST', `/v1/subscriptions/${first.id}/cancel`, user);
    await rig.moveClock({ days: 14 });
    await until('the trial to be over', async () => (await service.subscription(user, first.id)).status === 'expired');
    expect((await service.subscribe(user, withTrial.id)).status).toBe('incomplete');
  });
});

describe('reading', () => {
  test('shows nobody what is another user’s', async () => {
    const { id } = await service.subscribe(rig.person(), plan.id);
    const stranger = rig.person();
    for (const path of ['', '/timeline', '/upcoming']) {
      const { body } = await service.call('GET', `/v1/subscriptions/${id}${path}`, stranger);
      expect(body).toMatchObject({ status: 404, code: 'not_found' });
    }
    for (const command of ['cancel', 'resume']) {
      const { body } = await service.call('POST', `/v1/subscriptions/${id}/${command}`, stranger);
      expect(body).toMatchObject({ status: 404, code: 'not_found' });
    }
    expect((await service.call('GET', '/v1/subscriptions', stranger)).body).toEqual({ data: [], nextCursor: null });
  });

  test('lists newest first, page by page', async () => {
    const operator = rig.person({ role: 'operator' });
    const user = rig.person();
    const ids: string[] = [];
    for (let index = 0; index < 3; index++) {
      const { id: planId } = await service.createPlan(operator);
      ids.unshift((await service.subscribe(user, planId)).id);
    }
    const page = await service.call('GET', '/v1/subscriptions?limit=2', user);
    const next = await service.call('GET', `/v1/subscriptions?limit=2&cursor=${page.body.nextCursor}`, user);
    const listed = [...page.body.data, ...next.body.data].map(({ id }: { id: string }) => id);
    expect(listed).toEqual(ids);
    expect(next.body.nextCursor).toBeNull();
  });

  test.each([
    ['/v1/subscriptions?cursor=nonsense', 'query.cursor'],
    ['/v1/subscriptions?limit=0', 'query.limit'],
    ['/v1/subscriptions/7', 'params.id'],
    [`/v1/subscriptions/${uuidv7()}/upcoming?count=99`, 'query.count'],
  ])('%s names the field that is wrong', async (path, field) => {
    const { body } = await service.call('GET', path, rig.person());
    expect(body).toMatchObject({ status: 400, code: 'validation_failed', errors: [{ field }] });
  });
});

test('another service learns what is in hand here, and nobody else does', async () => {
  const { body } = await service.call('GET', '/internal/activity', { token: 'service-token-of-the-tests' });
  expect(body).toEqual({ outbox: expect.any(Number), inFlight: expect.any(Number), handled: expect.any(Number) });
  expect((await service.call('GET', '/internal/activity', rig.person())).status).toBe(401);
});
