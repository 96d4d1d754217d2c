import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type Customer, newCustomer, plus } from './customer.ts';
import { type Body, openRig, type Replica, type Rig, until } from './rig.ts';
import { failed, succeeded } from './wallet.ts';

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

/** What the customer was told ahead so far, in order. */
async function told(id: string, count: number): Promise<Body[]> {
  await until(`notice ${count}`, () => rig.noticesOf(id).length >= count);
  return rig.noticesOf(id).map(({ data }) => data);
}

/** Moves the clock to a moment and a little beyond. */
async function moveTo(moment: string): Promise<void> {
  const { now } = (await service.call('GET', '/v1/clock', rig.person({ role: 'operator' }))).body;
  await rig.moveClock({ milliseconds: Date.parse(plus(moment, { minutes: 1 })) - Date.parse(now) });
}

describe('a notice ahead', () => {
  test('of a renewal comes three days before, once, with what will be charged', async () => {
    const { id, currentPeriod } = await customer.activeOne();
    await moveTo(plus(currentPeriod.end, { days: -3 }));
    const [notice] = await told(id, 1);
    expect(notice).toMatchObject({
      notice: 'renewal',
      endsAt: currentPeriod.end,
      amountDue: { amount: 1_299, currency: 'EUR' },
      status: 'active',
    });
    await rig.moveClock({ days: 3 });
    await rig.say(succeeded(await customer.asked(id, 2)));
    await until('the renewal', async () => (await customer.grants(id)).length === 2);
    expect(await told(id, 1)).toHaveLength(1);
    expect(await customer.timeline(id)).toContain('notice: active -> active');
  });

  test('of the end of a trial says what is charged then', async () => {
    const { id: planId } = await customer.createPlan({ trialDays: 14 });
    const { id, currentPeriod } = await service.subscribe(customer.user, planId);
    await rig.moveClock({ days: 11, minutes: 1 });
    expect((await told(id, 1))[0]).toMatchObject({
      notice: 'trial_end',
      endsAt: currentPeriod?.end,
      amountDue: { amount: 1_299 },
    });
  });

  test('of the end of a canceled one says that nothing is charged', async () => {
    const { id, currentPeriod } = await customer.activeOne();
    await customer.command(id, 'cancel');
    await moveTo(plus(currentPeriod.end, { days: -3 }));
    expect((await told(id, 1))[0]).toMatchObject({ notice: 'expiry', endsAt: currentPeriod.end, amountDue: null });
  });

  test('names a price that changes with the renewal', async () => {
    const { id, planId, currentPeriod } = await customer.activeOne();
    const operator = rig.person({ role: 'operator' });
    const price = { amount: 1_999, currency: 'EUR' };
    await service.call('PATCH', `/v1/plans/${planId}`, {
      ...operator,
      body: { price, appliesTo: 'all_subscriptions' },
    });
    await moveTo(plus(currentPeriod.end, { days: -3 }));
    expect((await told(id, 1))[0]).toMatchObject({ notice: 'renewal', amountDue: price, price: { amount: 1_299 } });
  });

  test('comes as many days ahead as the plan says, and not at all for a period that is no longer than that', async () => {
    const week = await customer.activeOne({ interval: { unit: 'week', count: 1 }, noticeDays: 6 });
    const day = await customer.activeOne({ interval: { unit: 'day', count: 1 }, noticeDays: 1 });
    const none = await customer.activeOne({ noticeDays: 0 });
    await rig.moveClock({ days: 1, minutes: 1 });
    expect((await told(week.id, 1))[0]).toMatchObject({ endsAt: week.currentPeriod.end });
    await rig.say(failed(await customer.asked(day.id, 2)));
    await customer.become(day.id, 'pending_renewal');
    await rig.moveClock({ months: 1 });
    await customer.asked(none.id, 2);
    expect(rig.noticesOf(none.id)).toEqual([]);
    expect(rig.noticesOf(day.id).filter(({ data }) => data.notice === 'renewal')).toEqual([]);
  });

  test('that is due together with the end is left out: nobody is told ahead of what has happened', async () => {
    const { id } = await customer.activeOne();
    await rig.moveClock({ months: 1, minutes: 1 });
    await customer.asked(id, 2);
    expect(rig.noticesOf(id)).toEqual([]);
  });
});

describe('while a renewal waits for a top-up', () => {
  test('its customer is reminded on days 1 and 3 and on the last day', async () => {
    const { id, graceEndsAt } = await customer.pendingOne({ graceDays: 7, noticeDays: 0 });
    const due = (await customer.read(id)).currentPeriod?.end ?? '';
    for (const [index, days] of [1, 3, 6].entries()) {
      // The wallet was asked when the sweep came, a moment after the renewal fell due.
      await moveTo(plus(due, { days, minutes: 1 }));
      expect((await told(id, index + 1)).at(-1)).toMatchObject({
        notice: 'grace',
        endsAt: graceEndsAt,
        amountDue: { amount: 1_299 },
        shortfall: 299,
      });
    }
    await rig.moveClock({ days: 1 });
    expect((await customer.asked(id, 3)).type).toContain('ChargeVoidRequested');
    expect(rig.noticesOf(id)).toHaveLength(3);
  });

  test('reminders whose day has passed are not caught up on one by one', async () => {
    const { id } = await customer.pendingOne({ graceDays: 7, noticeDays: 0 });
    await rig.moveClock({ days: 4 });
    await told(id, 1);
    await rig.moveClock({ hours: 1 });
    await rig.moveClock({ days: 2 });
    expect(await told(id, 2)).toHaveLength(2);
  });
});
