import { ChargeFailed } from '@evergreen/contracts/events/wallet.ts';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import { expectLedgerToAddUp } from './audit.ts';
import { due, newCharge, openRig, planChangeDue, type Rig, voiding } from './rig.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await openRig();
}, 60_000);

afterAll(() => rig?.close(), 30_000);

const failureOf = (chargeId: string) =>
  rig.heard.charges.find(({ type, data }) => type === ChargeFailed.type && data.chargeId === chargeId)?.data;

describe('the charge of a change of plan', () => {
  test('is debited once, however often its event comes, and its explanation speaks of the change', async () => {
    const user = await rig.newUser();
    await user.topUp(1_000);
    const charge = { ...newCharge(user.id, 700), description: 'Monthly to Premium' };
    const event = planChangeDue(charge);
    await rig.say(event, event, planChangeDue(charge));
    expect(await rig.saidOf(charge, 2)).toEqual(['ChargeSucceeded', 'ChargeSucceeded']);
    expect(await user.balance()).toBe(300);
    const { body } = await user.wallet('/transactions?kind=charge');
    expect(body.data).toMatchObject([{ amount: -700, description: 'Monthly to Premium' }]);
    const { body: explanation } = await user.wallet(`/transactions/${body.data[0].id}/explanation`);
    expect(explanation.sentences.join(' ')).toMatch(/“Monthly to Premium”: a change of plan in the period from .*/);
    expect(explanation.trigger).toMatchObject({ type: event.type, id: event.id });
  });

  test('that is short is voided at once: no top-up pays it, and whoever asks again hears that it is void', async () => {
    const user = await rig.newUser();
    await user.topUp(600);
    const charge = newCharge(user.id, 700);
    await rig.say(planChangeDue(charge));
    expect(await rig.saidOf(charge, 1)).toEqual(['ChargeFailed']);
    expect(failureOf(charge.id)).toMatchObject({ awaitingFunds: false, shortfall: 100, version: 1 });
    await user.topUp(5_000);
    await rig.say(planChangeDue(charge), voiding(charge));
    expect(await rig.saidOf(charge, 3)).toEqual(['ChargeFailed', 'ChargeVoided', 'ChargeVoided']);
    expect(await user.balance()).toBe(5_600);
    const { rows } = await rig.db.query('SELECT status, version FROM charge WHERE id = $1', [charge.id]);
    expect(rows).toEqual([{ status: 'voided', version: 1 }]);
  });

  test('that comes after its void stays void, with money enough', async () => {
    const user = await rig.newUser();
    await user.topUp(1_000);
    const charge = newCharge(user.id, 700);
    await rig.say(voiding(charge), planChangeDue(charge));
    expect(await rig.saidOf(charge, 2)).toEqual(['ChargeVoided', 'ChargeVoided']);
    expect(await user.balance()).toBe(1_000);
  });

  test('20 at once with 20 top-ups never wait: what was paid for was covered when it was asked for', async () => {
    const user = await rig.newUser();
    const charges = Array.from({ length: 20 }, () => newCharge(user.id, 100));
    await Promise.all([
      ...charges.map((charge) => rig.say(planChangeDue(charge))),
      ...Array.from({ length: 20 }, () => user.topUp(73)),
    ]);
    const outcomes = await Promise.all(charges.map((charge) => rig.saidOf(charge, 1)));
    const paid = outcomes.filter(([type]) => type === 'ChargeSucceeded').length;
    await rig.quiet();
    expect(await user.balance()).toBe(20 * 73 - paid * 100);
    const { rows } = await rig.db.query(
      `SELECT count(*) FILTER (WHERE status = 'paid')::int AS paid, count(*) FILTER (WHERE status = 'voided')::int AS voided
       FROM charge WHERE user_id = $1`,
      [user.id],
    );
    expect(rows).toEqual([{ paid, voided: 20 - paid }]);
    await expectLedgerToAddUp(rig.db);
  });

  test('that is short begins no automatic top-up, as a renewal that is short does', async () => {
    const user = await rig.newUser();
    const { body: card } = await user.wallet('/payment-methods', { key: uuidv7(), body: { token: 'pm_card_visa' } });
    const settings = { enabled: true, currency: 'USD', threshold: 0, amount: 100, maxPerDay: 100_000 };
    await user.wallet('/auto-top-up', { method: 'PUT', body: { ...settings, paymentMethodId: card.id } });
    const [change, renewal] = [newCharge(user.id, 900), newCharge(user.id, 700)];
    await rig.say(planChangeDue(change));
    await rig.quiet();
    expect((await user.wallet('/top-ups')).body.data).toEqual([]);
    await rig.say(due(renewal));
    expect(await rig.saidOf(renewal, 2)).toEqual(['ChargeFailed', 'ChargeSucceeded']);
    await rig.quiet();
    expect((await user.wallet('/top-ups')).body.data).toMatchObject([{ amount: 700, status: 'succeeded' }]);
    expect(await rig.saidOf(change, 1)).toEqual(['ChargeFailed']);
  });
});
