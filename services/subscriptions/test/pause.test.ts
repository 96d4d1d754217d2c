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

const ms = (from: string, to: string): number => Date.parse(to) - Date.parse(from);
const pause = async (id: string) => (await customer.command(id, 'pause')).body;
const resume = async (id: string) => (await customer.command(id, 'resume')).body;

describe('a pause', () => {
  test('closes access, asks for nothing however long it lasts, and gives the time back to the millisecond', async () => {
    const { id, currentPeriod } = await customer.activeOne();
    await rig.moveClock({ days: 10 });
    const paused = await pause(id);
    expect(paused).toMatchObject({ status: 'paused', access: false, accessUntil: null, nextRenewalAt: null });
    await rig.moveClock({ months: 5 });
    expect((await service.call('GET', '/v1/entitlements', customer.user)).body.data).toEqual([]);

    const resumed = await resume(id);
    expect(resumed).toMatchObject({ status: 'active', access: true, pausedAt: null });
    const { rows } = await rig.pool.query(
      `SELECT at FROM timeline_entry WHERE subscription_id = $1 AND trigger = 'resume'`,
      [id],
    );
    const resumedAt = rows[0].at.toISOString();
    expect(ms(resumedAt, resumed.currentPeriod.end)).toBe(ms(paused.pausedAt, currentPeriod.end));
    expect(ms(resumed.currentPeriod.start, resumed.currentPeriod.end)).toBe(ms(currentPeriod.start, currentPeriod.end));
    expect(rig.askedAbout(id)).toHaveLength(1);

    // The calendar goes on from where the period ends now.
    await rig.moveClock({ days: 22 });
    const renewal = await customer.asked(id, 2);
    expect(renewal.data.charge.period).toEqual({
      start: resumed.currentPeriod.end,
      end: plus(resumed.currentPeriod.end, { months: 1 }),
    });
  });

  test('of a trial keeps what is left of it', async () => {
    const { id: planId } = await customer.createPlan({ trialDays: 14 });
    const { id, currentPeriod } = await service.subscribe(customer.user, planId);
    await rig.moveClock({ days: 4 });
    const paused = await pause(id);
    await rig.moveClock({ days: 60 });
    const resumed = await resume(id);
    expect(resumed).toMatchObject({ status: 'trialing', trial: true });
    expect(Date.parse(resumed.currentPeriod.end) - Date.parse(currentPeriod?.end ?? '')).toBeGreaterThan(
      59 * 86_400_000 + ms(paused.pausedAt, paused.pausedAt),
    );
    expect(rig.askedAbout(id)).toEqual([]);
  });

  test('while a renewal waits for funds gives it up, and after it a period has to be paid before there is access', async () => {
    const { id } = await customer.pendingOne();
    const paused = await pause(id);
    expect(paused).toMatchObject({ status: 'paused', access: false });
    const givenUp = await customer.asked(id, 3);
    expect(givenUp.type).toContain('ChargeVoidRequested');
    await rig.say(voided(givenUp));
    await until('the charge to be gone', async () => (await customer.read(id)).waitingFor === null);

    const resumed = await resume(id);
    expect(resumed).toMatchObject({ status: 'incomplete', access: false, currentPeriod: null });
    const question = await customer.asked(id, 4);
    expect(question.type).toContain('SubscriptionRequested');
    await rig.say(succeeded(question));
    expect(await customer.become(id, 'active')).toMatchObject({ access: true });
  });

  test('while a renewal waits, with money that came first: it buys a period that is kept whole for the end of the pause', async () => {
    const { id } = await customer.pendingOne();
    await pause(id);
    await customer.asked(id, 3);
    await rig.say(succeeded(rig.askedAbout(id)[1] as never, { version: 2 }));
    await until('the period', async () => (await customer.grants(id)).length === 2);
    const bought = (await customer.grants(id))[1];
    expect(await customer.read(id)).toMatchObject({ status: 'paused', access: false, waitingFor: null });
    await rig.moveClock({ months: 3 });
    const resumed = await resume(id);
    expect(resumed).toMatchObject({ status: 'active', access: true });
    expect(ms(resumed.currentPeriod.start, resumed.currentPeriod.end)).toBe(ms(bought?.start ?? '', bought?.end ?? ''));
  });

  test('that nobody pays after expires after a day, as any first payment does', async () => {
    const { id } = await customer.pendingOne();
    await pause(id);
    await rig.say(voided(await customer.asked(id, 3)));
    await until('the charge to be gone', async () => (await customer.read(id)).waitingFor === null);
    await resume(id);
    await rig.say(failed(await customer.asked(id, 4)));
    await until('the shortfall', async () => (await customer.read(id)).waitingFor?.shortfall === 299);
    await rig.moveClock({ hours: 25 });
    await rig.say(voided(await customer.asked(id, 5), { version: 3 }));
    await customer.become(id, 'expired');
  });

  test('can be ended by cancelling: what is left is used up, and nothing renews', async () => {
    const { id, currentPeriod } = await customer.activeOne();
    await rig.moveClock({ days: 10 });
    const paused = await pause(id);
    await rig.moveClock({ days: 30 });
    const { body: canceled } = await customer.command(id, 'cancel');
    expect(canceled).toMatchObject({ status: 'canceled', access: true });
    expect(canceled.accessUntil).toBe(canceled.currentPeriod.end);
    expect(ms(paused.pausedAt, currentPeriod.end)).toBeGreaterThan(0);
    await rig.moveClock({ days: 32 });
    await customer.become(id, 'expired');
    expect(rig.askedAbout(id)).toHaveLength(1);
  });

  test('needs no body, and takes an empty one of any client that names its type all the same', async () => {
    const { id } = await customer.activeOne();
    const headers = { 'content-type': 'application/json' };
    const paused = await service.call('POST', `/v1/subscriptions/${id}/pause`, { ...customer.user, headers });
    expect(paused.body.status).toBe('paused');
  });

  test('is refused where there is nothing to pause, with what is possible instead', async () => {
    const { id: planId } = await customer.createPlan();
    const { id } = await service.subscribe(customer.user, planId);
    expect((await customer.command(id, 'pause')).body).toMatchObject({
      status: 409,
      code: 'invalid_transition',
      allowed: ['cancel', 'cancel_now'],
    });
  });
});
