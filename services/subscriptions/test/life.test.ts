import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type Customer, newCustomer, plus } from './customer.ts';
import { openRig, type Replica, type Rig, until } from './rig.ts';
import { failed, succeeded, voided } from './wallet.ts';

let rig: Rig;
let service: Replica;
let customer: Customer;
beforeAll(async () => {
  rig = await openRig();
  service = await rig.startReplica();
});
beforeEach(() => {
  customer = newCustomer(rig, service);
});
afterAll(() => rig?.close());

/** Waits until the service has taken each of these events, whatever it did with them. */
async function taken(events: { id: string }[]): Promise<void> {
  const ids = new Set(events.map(({ id }) => id));
  await until('all events to be taken', async () => {
    const { rowCount } = await rig.pool.query('SELECT 1 FROM inbox WHERE message_id = ANY ($1::uuid[])', [[...ids]]);
    return rowCount === ids.size;
  });
}

describe('the first payment', () => {
  test('activates, and starts the period when it was made', async () => {
    const { id: planId } = await customer.createPlan();
    const { id, createdAt } = await service.subscribe(customer.user, planId);
    const question = await customer.asked(id, 1);
    const paidAt = plus(createdAt, { hours: 3 });
    await rig.say(failed(question), succeeded(question, { version: 2, businessTime: paidAt }));

    const subscription = await customer.become(id, 'active');
    const end = plus(paidAt, { months: 1 });
    expect(subscription).toMatchObject({
      currentPeriod: { start: paidAt, end },
      nextRenewalAt: end,
      access: true,
      accessUntil: end,
      waitingFor: null,
    });
    expect(await customer.grants(id)).toEqual([{ start: paidAt, end, chargeId: question.data.charge.id }]);
    expect((await service.call('GET', '/v1/entitlements', customer.user)).body).toEqual({
      data: [{ subscriptionId: id, planId, planName: 'Monthly', accessUntil: end }],
    });
    const upcoming = await service.call('GET', `/v1/subscriptions/${id}/upcoming?count=2`, customer.user);
    const second = { start: plus(paidAt, { months: 1 }), end: plus(paidAt, { months: 2 }) };
    expect(upcoming.body.data[0]).toEqual({
      dueAt: second.start,
      period: second,
      planName: 'Monthly',
      amount: { amount: 1_299, currency: 'EUR' },
    });
  });

  test('that does not come within a day is given up, and ends when the wallet has done so', async () => {
    const { id: planId } = await customer.createPlan();
    const { id } = await service.subscribe(customer.user, planId);
    const question = await customer.asked(id, 1);
    await rig.say(failed(question));
    await until('the shortfall to be known', async () => (await customer.read(id)).waitingFor?.shortfall === 299);
    await rig.moveClock({ hours: 24 });
    const givingUp = await customer.asked(id, 2);
    expect(givingUp.type).toBe('evergreen.subscriptions.ChargeVoidRequested.v1');
    expect(givingUp.data.charge).toMatchObject({
      ...question.data.charge,
      businessTime: givingUp.data.charge.businessTime,
    });
    await rig.say(voided(givingUp));
    expect(await customer.become(id, 'expired')).toMatchObject({ access: false, waitingFor: null });
    expect(await customer.grants(id)).toEqual([]);
    expect((await service.call('GET', '/v1/entitlements', customer.user)).body).toEqual({ data: [] });
  });
});

describe('a renewal', () => {
  test('is asked for when the period ends, and paid for the next one', async () => {
    const { id, currentPeriod } = await customer.activeOne();
    await rig.moveClock({ months: 1, minutes: 1 });
    const question = await customer.asked(id, 2);
    expect(question.type).toBe('evergreen.subscriptions.RenewalDue.v1');
    const next = { start: currentPeriod.end, end: plus(currentPeriod.start, { months: 2 }) };
    expect(question.data.charge.period).toEqual(next);
    await rig.say(succeeded(question));
    await until('the renewal', async () => (await customer.read(id)).currentPeriod?.start === next.start);
    expect(await customer.grants(id)).toHaveLength(2);
    expect(await customer.timeline(id)).toEqual([
      'subscribe: null -> incomplete',
      'paid: incomplete -> active',
      'due: active -> active',
      'paid: active -> active',
    ]);
    const { body } = await service.call('GET', `/v1/subscriptions/${id}/timeline?limit=1`, customer.user);
    expect(body.data[0].cause).toEqual({
      type: 'evergreen.wallet.ChargeSucceeded.v1',
      id: expect.any(String),
      correlationId: question.correlationid,
    });
    expect(body.data[0]).toMatchObject({ version: 4, chargeId: question.data.charge.id, skippedPeriods: 0 });
    expect(
      (await service.call('GET', `/v1/subscriptions/${id}/timeline?cursor=${body.nextCursor}`, customer.user)).body
        .data,
    ).toHaveLength(3);
  });

  test('for which the balance is short waits, and starts its period when it is paid', async () => {
    const { id, graceEndsAt, currentPeriod, access, waitingFor } = await customer.pendingOne();
    expect(graceEndsAt).toBe(plus(currentPeriod.end, { days: 7 }));
    expect(access).toBe(false);
    expect(waitingFor).toMatchObject({ shortfall: 299 });

    const question = await customer.asked(id, 2);
    const paidAt = plus(question.data.charge.businessTime, { days: 2 });
    await rig.say(succeeded(question, { version: 2, businessTime: paidAt }));
    const recovered = await customer.become(id, 'active');
    expect(recovered.currentPeriod).toEqual({ start: paidAt, end: plus(paidAt, { months: 1 }) });
    expect((await customer.grants(id)).at(-1)?.chargeId).toBe(question.data.charge.id);
  });

  test('is paid in the period that was due, when there was access during grace', async () => {
    const { id, currentPeriod, access, accessUntil, graceEndsAt } = await customer.pendingOne({
      accessDuringGrace: true,
    });
    expect({ access, accessUntil }).toEqual({ access: true, accessUntil: graceEndsAt });
    const question = await customer.asked(id, 2);
    const paidAt = plus(question.data.charge.businessTime, { days: 2 });
    await rig.say(succeeded(question, { version: 2, businessTime: paidAt }));
    expect((await customer.become(id, 'active')).currentPeriod.start).toBe(currentPeriod.end);
  });

  test('that is not paid in the days of grace ends, once the wallet has given it up', async () => {
    const { id } = await customer.pendingOne();
    await rig.moveClock({ days: 7 });
    const givingUp = await customer.asked(id, 3);
    expect(givingUp.type).toBe('evergreen.subscriptions.ChargeVoidRequested.v1');
    expect((await customer.read(id)).status).toBe('pending_renewal');
    await rig.say(voided(givingUp));
    await customer.become(id, 'expired');
    expect(await customer.grants(id)).toHaveLength(1);
  });

  test('renews when the money came before the void', async () => {
    const { id } = await customer.pendingOne();
    await rig.moveClock({ days: 7 });
    const givingUp = await customer.asked(id, 3);
    await rig.say(succeeded(givingUp, { version: 2 }));
    await customer.become(id, 'active');
    expect(await customer.grants(id)).toHaveLength(2);
  });
});

describe('answers of the wallet', () => {
  test('that come twice, late and out of order buy one period', async () => {
    const { id } = await customer.activeOne();
    await rig.moveClock({ months: 1, minutes: 1 });
    const question = await customer.asked(id, 2);
    const paid = succeeded(question, { version: 2 });
    const late = failed(question);
    const answers = [paid, paid, late, succeeded(question, { version: 2 }), late, paid];
    await rig.say(...answers);
    await taken(answers);
    expect(await customer.grants(id)).toHaveLength(2);
    expect(await customer.read(id)).toMatchObject({ status: 'active', version: 4, waitingFor: null });
  });

  test('that reach two replicas at once, 20 times, buy one period', async () => {
    const other = await rig.startReplica();
    const { id } = await customer.activeOne();
    await rig.moveClock({ months: 1, minutes: 1 });
    const question = await customer.asked(id, 2);
    const copies = Array.from({ length: 20 }, () => succeeded(question));
    await Promise.all(copies.map((copy) => rig.say(copy)));
    await taken(copies);
    expect(await customer.grants(id)).toHaveLength(2);
    expect(await customer.read(id)).toMatchObject({ status: 'active', version: 4 });
    await other.stop();
  });

  test('for a charge that nobody asked for are set aside, and their neighbours go on', async () => {
    const { id: planId } = await customer.createPlan();
    const { id } = await service.subscribe(customer.user, planId);
    const question = await customer.asked(id, 1);
    const unknown = structuredClone(succeeded(question));
    unknown.id = '01936f4e-6c1a-7d3b-8a53-3f0c5f2b9d10';
    unknown.data.chargeId = '5d0c2e52-94c1-5a0b-8f3e-2f6f2c7b8a42';
    await rig.say(unknown, succeeded(question));
    await customer.become(id, 'active');
    await until('it to rest before the next try', async () => {
      const [depth] = await rig.wallet.queueDepths(['subscriptions.payments.retry.1']);
      return depth?.ready === 1;
    });
    const warning = service.log.find(
      ({ msg, messageId }) => msg === 'message could not be handled' && messageId === unknown.id,
    );
    expect(warning).toMatchObject({ outcome: 'retried', err: { type: 'UnexpectedAnswer' } });
  });
});

describe('a cancellation', () => {
  test('runs to the end of what is paid, and asks for no more money', async () => {
    const { id, currentPeriod } = await customer.activeOne();
    const { status, body } = await service.call('POST', `/v1/subscriptions/${id}/cancel`, {
      ...customer.user,
      body: { at: 'period_end' },
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({ status: 'canceled', cancelAt: currentPeriod.end, access: true, nextRenewalAt: null });
    await rig.moveClock({ months: 1, minutes: 1 });
    expect(await customer.become(id, 'expired')).toMatchObject({ access: false });
    expect(rig.askedAbout(id)).toHaveLength(1);
  });

  test('can be undone until then', async () => {
    const { id, nextRenewalAt } = await customer.activeOne();
    await customer.command(id, 'cancel');
    const { body } = await customer.command(id, 'resume');
    expect(body).toMatchObject({ status: 'active', cancelAt: null, nextRenewalAt });
  });

  test('gives up waiting for a payment', async () => {
    const { id } = await customer.pendingOne();
    const { body } = await customer.command(id, 'cancel');
    expect(body).toMatchObject({ status: 'canceled', access: false });
    const givingUp = await customer.asked(id, 3);
    await rig.say(voided(givingUp));
    await customer.become(id, 'expired');
  });

  test('while the charge is in flight ends with the period that the money bought, when it came first', async () => {
    const { id, currentPeriod } = await customer.activeOne();
    await rig.moveClock({ months: 1, minutes: 1 });
    const question = await customer.asked(id, 2);
    await customer.command(id, 'cancel');
    await customer.asked(id, 3);
    await rig.say(succeeded(question));
    await until('the last period', async () => (await customer.grants(id)).length === 2);
    const last = await customer.read(id);
    expect(last).toMatchObject({ status: 'canceled', access: true, cancelAt: last.currentPeriod?.end });
    // The cancellation had closed access, so the period starts with the payment that opens it again.
    expect(Temporal.Instant.compare(last.currentPeriod?.start ?? '', currentPeriod.end)).toBe(1);
    expect(last.cancelAt).toBe(plus(last.currentPeriod?.start ?? '', { months: 1 }));
  });

  test('20 times at once is made once', async () => {
    const { id } = await customer.activeOne();
    const answers = await Promise.all(Array.from({ length: 20 }, () => customer.command(id, 'cancel')));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(await customer.timeline(id)).toEqual([
      'subscribe: null -> incomplete',
      'paid: incomplete -> active',
      'cancel: active -> canceled',
    ]);
  });
});

test('a move that is not possible is refused, with those that are', async () => {
  const { id } = await customer.activeOne();
  const resume = await customer.command(id, 'resume');
  expect(resume.body).toMatchObject({
    status: 409,
    code: 'invalid_transition',
    allowed: ['cancel', 'cancel_now', 'pause', 'change_plan'],
  });
  await customer.command(id, 'cancel');
  const cancel = await customer.command(id, 'cancel');
  expect(cancel.body).toMatchObject({ status: 409, code: 'invalid_transition', allowed: ['cancel_now', 'resume'] });
  const wrong = await service.call('POST', `/v1/subscriptions/${id}/cancel`, {
    ...customer.user,
    body: { at: 'yesterday' },
  });
  expect(wrong.body).toMatchObject({ code: 'validation_failed', errors: [{ field: 'body.at' }] });
});

test('lifecycle events tell the state after the move, and what led to it', async () => {
  const { id } = await customer.activeOne();
  await customer.command(id, 'cancel');
  await until('the event to have left', async () => {
    const { rowCount } = await rig.pool.query('SELECT 1 FROM outbox');
    return rowCount === 0;
  });
  const told = rig.lifecycleOf(id);
  expect(told.map(({ type, data }) => [type.split('.')[2], data.status, data.version])).toEqual([
    ['SubscriptionActivated', 'active', 2],
    ['SubscriptionCanceled', 'canceled', 3],
  ]);
  expect(told[0]?.causationid).toBeDefined();
  expect(told[0]?.correlationid).toBe(rig.askedAbout(id)[0]?.correlationid);
});
