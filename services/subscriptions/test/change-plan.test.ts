import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type Customer, newCustomer, plus } from './customer.ts';
import { type Body, openRig, type Person, type Replica, type Rig, until, withKey } from './rig.ts';
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

const eur = (amount: number) => ({ price: { amount, currency: 'EUR' } });
const BASIC = { name: 'Basic', ...eur(1_000) };
const PRO = { name: 'Pro', ...eur(3_000) };
const YEARLY = { name: 'Yearly', ...eur(20_000), interval: { unit: 'year', count: 1 } };

const change = (id: string, planId: string, user: Person = customer.user) =>
  service.call('POST', `/v1/subscriptions/${id}/change-plan`, { ...withKey(user), body: { planId } });
const preview = async (id: string, planId: string): Promise<Body> =>
  (await service.call('GET', `/v1/subscriptions/${id}/change-plan-preview?planId=${planId}`, customer.user)).body;

/** The part of an amount for what is left at a moment. */
const left = (amount: number, { start, end }: { start: string; end: string }, at: string): number =>
  (amount * (Date.parse(end) - Date.parse(at))) / (Date.parse(end) - Date.parse(start));
const unused = (...of: Parameters<typeof left>): number => Math.floor(left(...of));

describe('an upgrade', () => {
  test('of the same length is made when the difference for the rest of the period is paid, and the dates stay', async () => {
    const { id, currentPeriod } = await customer.activeOne(BASIC);
    const pro = await customer.createPlan(PRO);
    await rig.moveClock({ days: 12 });
    const shown = await preview(id, pro.id);
    expect(shown).toMatchObject({
      applies: 'now',
      period: currentPeriod,
      nextRenewal: { at: currentPeriod.end, amount: PRO.price },
    });
    expect(shown.lines.map(({ kind, price }: Body) => [kind, price.amount])).toEqual([
      ['new_plan', 3_000],
      ['unused_time', 1_000],
    ]);
    expect(shown.dueNow.amount).toBe(shown.lines.reduce((sum: number, { amount }: Body) => sum + amount, 0));

    const { body: asked } = await change(id, pro.id);
    expect(asked).toMatchObject({ status: 'active', planName: 'Basic', change: { planId: pro.id, at: null } });
    const question = await customer.asked(id, 2);
    const { charge } = question.data;
    expect(question.type).toContain('PlanChangeDue');
    expect(charge.amount).toBe(
      Math.round(left(3_000, currentPeriod, charge.period.start)) - unused(1_000, currentPeriod, charge.period.start),
    );
    expect(charge).toMatchObject({
      description: expect.stringContaining('Upgrade to Pro'),
      planName: 'Pro',
      upgrade: true,
      period: { end: currentPeriod.end },
    });

    await rig.say(succeeded(question));
    await until('the plan', async () => (await customer.read(id)).planName === 'Pro');
    expect(await customer.read(id)).toMatchObject({ price: PRO.price, change: null, currentPeriod, waitingFor: null });
    const { rows } = await rig.pool.query('SELECT bought FROM paid_charge WHERE charge_id = $1', [charge.id]);
    expect(rows).toEqual([{ bought: 'upgrade' }]);
  });

  test('that was paid is part of what goes back when all is cancelled at once', async () => {
    const { id, currentPeriod } = await customer.activeOne(BASIC);
    const pro = await customer.createPlan(PRO);
    await rig.moveClock({ days: 10 });
    await change(id, pro.id);
    const question = await customer.asked(id, 2);
    await rig.say(succeeded(question));
    await until('the plan', async () => (await customer.read(id)).planName === 'Pro');
    await rig.moveClock({ days: 10 });
    const { body } = await customer.command(id, 'cancel', { at: 'now', refund: 'prorated' });
    await until('both refunds', () => rig.refundsOf(id).length === 2);
    const back = new Map(rig.refundsOf(id).map(({ chargeId, amount }) => [chargeId, amount]));
    expect(back.get(rig.askedAbout(id)[0]?.data.charge.id ?? '')).toBe(unused(1_000, currentPeriod, body.cancelAt));
    expect(back.get(question.data.charge.id)).toBe(
      unused(question.data.charge.amount, question.data.charge.period, body.cancelAt),
    );
  });

  test('to another length starts a whole period at its payment, less what was unused', async () => {
    const { id, currentPeriod } = await customer.activeOne(BASIC);
    const yearly = await customer.createPlan(YEARLY);
    await rig.moveClock({ days: 15 });
    await change(id, yearly.id);
    const question = await customer.asked(id, 2);
    expect(question.data.charge.amount).toBe(20_000 - unused(1_000, currentPeriod, question.data.charge.period.start));
    await rig.say(succeeded(question));
    await until('the plan', async () => (await customer.read(id)).planName === 'Yearly');
    const { currentPeriod: whole, nextRenewalAt } = await customer.read(id);
    expect(whole?.end).toBe(plus(whole?.start ?? '', { years: 1 }));
    expect(nextRenewalAt).toBe(whole?.end);
  });

  test.each([
    ['voided', voided],
    [
      'short, and not waited for',
      (question: Parameters<typeof failed>[0]) => {
        const said = failed(question);
        return { ...said, data: { ...said.data, awaitingFunds: false } };
      },
    ],
  ] as const)('that is not paid leaves all as it was: %s', async (_what, answer) => {
    const before = await customer.activeOne(BASIC);
    const pro = await customer.createPlan(PRO);
    await change(before.id, pro.id);
    await rig.say(answer(await customer.asked(before.id, 2)));
    await until('the change to be dropped', async () => (await customer.read(before.id)).change === null);
    expect(await customer.read(before.id)).toEqual({ ...before, version: before.version + 2 });
    // The plan is free to be taken again.
    expect((await change(before.id, pro.id)).status).toBe(200);
  });

  test('is asked for again while the wallet does not answer, and a repetition of the request adds none', async () => {
    const { id } = await customer.activeOne(BASIC);
    const pro = await customer.createPlan(PRO);
    await change(id, pro.id);
    expect((await change(id, pro.id)).body).toMatchObject({ change: { planId: pro.id } });
    const first = await customer.asked(id, 2);
    await rig.moveClock({ minutes: 11 });
    expect((await customer.asked(id, 3)).data.charge).toEqual(first.data.charge);
  });

  test('given up by a cancellation at once goes back whole when it was paid before', async () => {
    const { id } = await customer.activeOne(BASIC);
    const pro = await customer.createPlan(PRO);
    await rig.moveClock({ days: 3 });
    await change(id, pro.id);
    const question = await customer.asked(id, 2);
    await customer.command(id, 'cancel', { at: 'now', refund: 'prorated' });
    await rig.say(succeeded(question));
    await customer.become(id, 'expired');
    await until('both refunds', () => rig.refundsOf(id).length === 2);
    expect(rig.refundsOf(id)).toContainEqual(
      expect.objectContaining({ chargeId: question.data.charge.id, amount: question.data.charge.amount }),
    );
  });

  test('given up by a cancellation at the end of the period is made when it was paid before, to that end', async () => {
    const { id, currentPeriod } = await customer.activeOne(BASIC);
    const pro = await customer.createPlan(PRO);
    await change(id, pro.id);
    const question = await customer.asked(id, 2);
    await customer.command(id, 'cancel');
    await rig.say(succeeded(question));
    await until('the plan', async () => (await customer.read(id)).planName === 'Pro');
    expect(await customer.read(id)).toMatchObject({ status: 'canceled', cancelAt: currentPeriod.end, access: true });
  });
});

describe('a downgrade', () => {
  test('waits for the end of the period, and the renewal is at the new price', async () => {
    const { id, currentPeriod } = await customer.activeOne(PRO);
    const basic = await customer.createPlan(BASIC);
    expect(await preview(id, basic.id)).toMatchObject({
      applies: 'period_end',
      appliesAt: currentPeriod.end,
      lines: [],
      dueNow: { amount: 0 },
      nextRenewal: { at: currentPeriod.end, amount: BASIC.price },
    });
    expect((await change(id, basic.id)).body).toMatchObject({
      planName: 'Pro',
      change: { planId: basic.id, at: currentPeriod.end },
    });
    const { body } = await service.call('GET', `/v1/subscriptions/${id}/upcoming?count=1`, customer.user);
    expect(body.data[0]).toMatchObject({ dueAt: currentPeriod.end, planName: 'Basic', amount: BASIC.price });
    await rig.moveClock({ months: 1, minutes: 1 });
    const renewal = await customer.asked(id, 2);
    expect(renewal.data.charge).toMatchObject({ amount: 1_000, description: expect.stringContaining('Basic') });
    expect(await customer.timeline(id)).toContain('terms_due: active -> active');
  });

  test('to come keeps an upgrade from being asked for: one that is not paid would leave neither', async () => {
    const { id, planId } = await customer.activeOne(PRO);
    const basic = await customer.createPlan(BASIC);
    const top = await customer.createPlan({ ...PRO, ...eur(9_000) });
    await change(id, basic.id);
    const refused = { status: 409, code: 'plan_change_not_possible' };
    expect((await change(id, top.id)).body).toMatchObject(refused);
    expect(await preview(id, top.id)).toMatchObject(refused);
    expect(await preview(id, planId)).toMatchObject({ applies: 'now', dueNow: { amount: 0 }, to: { planId } });
    await change(id, planId);
    expect((await change(id, top.id)).body.change).toMatchObject({ planId: top.id, at: null });
  });

  test('can be dropped by choosing the plan one has', async () => {
    const { id, planId } = await customer.activeOne(PRO);
    const basic = await customer.createPlan(BASIC);
    await change(id, basic.id);
    expect((await change(id, planId)).body.change).toBeNull();
    expect((await change(id, planId)).body).toMatchObject({ status: 409, code: 'plan_change_not_possible' });
    await rig.moveClock({ months: 1, minutes: 1 });
    expect((await customer.asked(id, 2)).data.charge.amount).toBe(3_000);
  });

  test('to another length starts its calendar where the period ends', async () => {
    const { id, currentPeriod } = await customer.activeOne(YEARLY);
    const basic = await customer.createPlan(BASIC);
    await change(id, basic.id);
    await rig.moveClock({ years: 1, minutes: 1 });
    const renewal = await customer.asked(id, 2);
    expect(renewal.data.charge.period).toEqual({
      start: currentPeriod.end,
      end: plus(currentPeriod.end, { months: 1 }),
    });
  });
});

describe('in a trial', () => {
  test('the plan changes at once and for free, and its price is what is charged at the end', async () => {
    const { id: planId } = await customer.createPlan({ ...BASIC, trialDays: 14 });
    const pro = await customer.createPlan({ ...PRO, trialDays: 14 });
    const { id, currentPeriod } = await service.subscribe(customer.user, planId);
    expect(await preview(id, pro.id)).toMatchObject({ applies: 'now', lines: [], dueNow: { amount: 0 } });
    expect((await change(id, pro.id)).body).toMatchObject({ status: 'trialing', planName: 'Pro', currentPeriod });
    await rig.moveClock({ days: 14, minutes: 1 });
    expect((await customer.asked(id, 1)).data.charge.amount).toBe(3_000);
    // The trial of the plan it began with is used.
    expect((await service.subscribe(customer.user, planId)).status).toBe('incomplete');
  });
});

describe('a trial of one plan is no trial of another', () => {
  test('that has none, or a shorter one, or was had before', async () => {
    const { id: planId } = await customer.createPlan({ ...BASIC, trialDays: 14 });
    const none = await customer.createPlan(PRO);
    const shorter = await customer.createPlan({ ...PRO, trialDays: 13 });
    const had = await customer.createPlan({ ...PRO, trialDays: 30 });
    const first = await service.subscribe(customer.user, had.id);
    await customer.command(first.id, 'cancel', { at: 'now' });
    const { id } = await service.subscribe(customer.user, planId);
    for (const plan of [none, shorter, had]) {
      expect((await change(id, plan.id)).body).toMatchObject({ status: 409, code: 'plan_change_not_possible' });
      expect(await preview(id, plan.id)).toMatchObject({ status: 409, code: 'plan_change_not_possible' });
    }
    expect((await customer.read(id)).planName).toBe('Basic');
  });
});

describe('a change is refused', () => {
  test('to a plan the customer has already, or changes to already', async () => {
    const { id } = await customer.activeOne(PRO);
    const basic = await customer.createPlan(BASIC);
    await change(id, basic.id);
    await expect(service.subscribe(customer.user, basic.id)).rejects.toThrow(/already_subscribed/);
    const { id: other } = await customer.activeOne(YEARLY);
    expect((await change(other, basic.id)).body).toMatchObject({ status: 409, code: 'already_subscribed' });
    expect(await preview(other, basic.id)).toMatchObject({ status: 409, code: 'already_subscribed' });
  });

  test('in another currency, to a plan that is not sold or not there, and by somebody else', async () => {
    const { id } = await customer.activeOne(BASIC);
    const dollars = await customer.createPlan({ price: { amount: 9_000, currency: 'USD' } });
    expect((await change(id, dollars.id)).body.code).toBe('plan_change_not_possible');
    const old = await customer.createPlan(PRO);
    const operator = rig.person({ role: 'operator' });
    await service.call('PATCH', `/v1/plans/${old.id}`, { ...operator, body: { active: false } });
    expect((await change(id, old.id)).body.code).toBe('plan_not_available');
    expect((await change(id, id)).body.code).toBe('not_found');
    const pro = await customer.createPlan(PRO);
    expect((await change(id, pro.id, rig.person())).body.code).toBe('not_found');
    const other = rig.person();
    const peek = await service.call('GET', `/v1/subscriptions/${id}/change-plan-preview?planId=${pro.id}`, other);
    expect(peek.status).toBe(404);
  });

  test('while a payment is waited for, with what is possible instead', async () => {
    const { id } = await customer.pendingOne(BASIC);
    const pro = await customer.createPlan(PRO);
    const refused = { status: 409, code: 'invalid_transition', allowed: ['cancel', 'cancel_now', 'pause'] };
    expect((await change(id, pro.id)).body).toMatchObject(refused);
    expect(await preview(id, pro.id)).toMatchObject(refused);
  });
});
