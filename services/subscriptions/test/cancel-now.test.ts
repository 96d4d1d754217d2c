import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type Customer, newCustomer } from './customer.ts';
import { openRig, type Replica, type Rig, until } from './rig.ts';
import { succeeded, voided } from './wallet.ts';

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

const REFUND = { at: 'now', refund: 'prorated' };

const atOf = async (id: string, trigger: string): Promise<number> => {
  const { rows } = await rig.pool.query('SELECT at FROM timeline_entry WHERE subscription_id = $1 AND trigger = $2', [
    id,
    trigger,
  ]);
  return rows[0].at.getTime();
};

describe('cancelled now', () => {
  test('it is over at once, and without a wish for it nothing goes back', async () => {
    const { id } = await customer.activeOne();
    await rig.moveClock({ days: 3 });
    const { body } = await customer.command(id, 'cancel', { at: 'now' });
    expect(body).toMatchObject({ status: 'expired', access: false });
    expect(body.accessUntil).toBe(body.cancelAt);
    await until('the events to have left', async () => (await rig.pool.query('SELECT 1 FROM outbox')).rowCount === 0);
    expect(rig.refundsOf(id)).toEqual([]);
    expect(rig.lifecycleOf(id).at(-1)?.type).toContain('SubscriptionExpired');
  });

  test('what is unused of the money goes back, to the minor unit, rounded down', async () => {
    const { id, currentPeriod } = await customer.activeOne({ price: { amount: 9_999, currency: 'EUR' } });
    await rig.moveClock({ days: 11, hours: 7 });
    await customer.command(id, 'cancel', REFUND);
    await until('the refund', () => rig.refundsOf(id).length === 1);
    const [start, end] = [Date.parse(currentPeriod.start), Date.parse(currentPeriod.end)];
    const unused = (9_999 * (end - (await atOf(id, 'cancel_now')))) / (end - start);
    expect(rig.refundsOf(id)[0]).toMatchObject({
      amount: Math.floor(unused),
      currency: 'EUR',
      chargeId: rig.askedAbout(id)[0]?.data.charge.id,
      userId: customer.user.id,
    });
    expect((await rig.pool.query('SELECT amount FROM refund_asked WHERE subscription_id = $1', [id])).rows).toEqual([
      { amount: Math.floor(unused) },
    ]);
  });

  test('what is left of a paused one goes back as it was when the pause began', async () => {
    const { id, currentPeriod } = await customer.activeOne({ price: { amount: 3_000, currency: 'EUR' } });
    await rig.moveClock({ days: 10 });
    const { body: paused } = await customer.command(id, 'pause');
    await rig.moveClock({ months: 7 });
    await customer.command(id, 'cancel', REFUND);
    await until('the refund', () => rig.refundsOf(id).length === 1);
    const [start, end] = [Date.parse(currentPeriod.start), Date.parse(currentPeriod.end)];
    const unused = (3_000 * (end - Date.parse(paused.pausedAt))) / (end - start);
    expect(rig.refundsOf(id)[0]?.amount).toBe(Math.floor(unused));
  });

  test('a trial ends, and a refund of nothing is none', async () => {
    const { id: planId } = await customer.createPlan({ trialDays: 14 });
    const { id } = await service.subscribe(customer.user, planId);
    expect((await customer.command(id, 'cancel', REFUND)).body).toMatchObject({ status: 'expired', access: false });
    expect((await rig.pool.query('SELECT 1 FROM refund_asked WHERE subscription_id = $1', [id])).rowCount).toBe(0);
  });

  test('while a renewal is asked for, money that came first goes back whole and buys nothing', async () => {
    const { id } = await customer.activeOne();
    await rig.moveClock({ months: 1, minutes: 1 });
    const renewal = await customer.asked(id, 2);
    expect((await customer.command(id, 'cancel', { at: 'now' })).body).toMatchObject({
      status: 'canceled',
      access: false,
    });
    expect((await customer.asked(id, 3)).type).toContain('ChargeVoidRequested');
    const debited = succeeded(renewal);
    await rig.say(debited, debited, succeeded(renewal));
    await customer.become(id, 'expired');
    await until('the refund', () => rig.refundsOf(id).length > 0);
    expect(rig.refundsOf(id)).toMatchObject([{ chargeId: renewal.data.charge.id, amount: 1_299 }]);
    const { rows } = await rig.pool.query('SELECT bought FROM paid_charge WHERE charge_id = $1', [
      renewal.data.charge.id,
    ]);
    expect(rows).toEqual([{ bought: 'nothing' }]);
  });

  test('while a renewal is asked for, and the wallet gave it up: nothing is paid and nothing goes back', async () => {
    const { id } = await customer.activeOne();
    await rig.moveClock({ months: 1, minutes: 1 });
    await customer.asked(id, 2);
    await customer.command(id, 'cancel', REFUND);
    await rig.say(voided(await customer.asked(id, 3)));
    await customer.become(id, 'expired');
    expect(rig.refundsOf(id)).toEqual([]);
    expect(await customer.grants(id)).toHaveLength(1);
  });

  test('after a cancellation at the end of the period, too', async () => {
    const { id } = await customer.activeOne();
    await customer.command(id, 'cancel');
    await rig.moveClock({ days: 5 });
    expect((await customer.command(id, 'cancel', REFUND)).body).toMatchObject({ status: 'expired' });
    await until('the refund', () => rig.refundsOf(id).length === 1);
    expect((await customer.command(id, 'cancel', REFUND)).body).toMatchObject({
      code: 'invalid_transition',
      allowed: [],
    });
    expect(rig.refundsOf(id)).toHaveLength(1);
  });

  test('a refund at the end of the period is refused: nothing is unused then', async () => {
    const { id } = await customer.activeOne();
    expect((await customer.command(id, 'cancel', { refund: 'prorated' })).body).toMatchObject({
      code: 'validation_failed',
      errors: [{ field: 'body.refund' }],
    });
  });
});
