import type { SubscriptionStatus } from '@evergreen/contracts/http/subscriptions.ts';
import { expect } from '@jest/globals';
import fc from 'fast-check';
import { newKey } from './api.ts';
import { adjust, advance } from './crowd.ts';
import { isWaiting } from './life-model.ts';
import { begin, cancel, cancelNow, changePlan, pause, resume } from './life-of-customers.ts';
import { aboutLife, atIndex, balanceOf, command, expectSound, type LifeCommand, type Pick } from './life-scene.ts';
import { topUp } from './people.ts';

/** Money, time and operators; and all commands together. */

const topUpBy = (user: number, size: 'exact' | 'small' | 'large', pick: number) =>
  command(`user ${user} tops up ${size} ${pick}`, async (model, world) => {
    const index = user % world.users.length;
    const lacking = model.lives.find((life) => life.user === index && isWaiting(life))?.seen.waitingFor?.shortfall;
    const amounts = { exact: lacking ?? atIndex(world.plans, pick).price.amount, small: 1 + (pick % 60), large: 4_000 };
    const person = atIndex(world.users, index);
    const answer = await topUp(person, amounts[size]);
    // Settled within some seconds or told later: either way it is there when all is at rest.
    expect([201, 202]).toContain(answer.status);
    await expectSound(model, world);
    expect(await person.call(`/wallet/top-ups/${answer.body.id}`)).toMatchObject({ body: { status: 'succeeded' } });
  });

const adjustBy = (user: number, amount: number) =>
  command(`an operator adjusts user ${user} by ${amount}`, async (model, world) => {
    const index = user % world.users.length;
    const { status, body } = await adjust(world.operator, atIndex(world.users, index), amount);
    const isCovered = balanceOf(model, index) + amount >= 0;
    expect([status, body.code]).toEqual(isCovered ? [201, undefined] : [409, 'insufficient_funds']);
    await expectSound(model, world);
  });

const passTime = (by: string) =>
  command(`${by} pass`, async (model, world) => {
    await advance(world.operator, { by });
    await expectSound(model, world, { byTime: true });
  });

const changePrice = (pick: number, amount: number, appliesTo: 'all_subscriptions' | 'new_subscriptions') =>
  command(`plan ${pick} costs ${amount} for ${appliesTo}`, async (model, world) => {
    const plan = atIndex(world.plans, pick);
    const body = { price: { amount, currency: 'USD' }, appliesTo };
    const answer = await world.operator.call(`/plans/${plan.id}`, { method: 'PATCH', body });
    expect(answer.status).toBe(200);
    if (appliesTo === 'all_subscriptions') model.forAll.set(plan.id, { version: answer.body.version, price: amount });
    await expectSound(model, world);
  });

/** Where there is an end to move, which has not passed. */
const EXTENDABLE: readonly SubscriptionStatus[] = ['trialing', 'active', 'canceled', 'pending_renewal'];

const extend = (pick: Pick, days: number) =>
  aboutLife(`an operator extends by ${days} days`, pick, async (life, model, world) => {
    const options = { key: newKey(), body: { by: `P${days}D`, reason: 'An outage of ours' } };
    const answer = await world.operator.call(`/operator/subscriptions/${life.id}/extend`, options);
    if (!EXTENDABLE.includes(life.seen.status)) {
      expect([400, 409]).toContain(answer.status);
      return;
    }
    expect(answer.status).toBe(200);
    life.extendedMs += days * 86_400_000 + 3_600_000;
    life.isPlain = false;
    await expectSound(model, world, { target: life, become: [life.seen.status] });
  });

/** Every command there is, as often as makes lives of all kinds. */
export function lifeCommands(): fc.Arbitrary<LifeCommand>[] {
  const user = fc.nat({ max: 11 });
  const pick = fc.nat({ max: 10_000 });
  const plan = fc.nat({ max: 27 });
  const size = fc.constantFrom('exact' as const, 'exact' as const, 'small' as const, 'large' as const);
  const by = fc.constantFrom('PT5H', 'P1D', 'P3D', 'P8D', 'P8D', 'P1M');
  const appliesTo = fc.constantFrom('all_subscriptions' as const, 'new_subscriptions' as const);
  const often = <T>(arbitrary: fc.Arbitrary<T>, times: number) => Array.from({ length: times }, () => arbitrary);
  return [
    ...often(
      fc.tuple(user, size, pick).map((values) => topUpBy(...values)),
      4,
    ),
    ...often(
      // Nothing is no adjustment.
      fc.tuple(user, fc.integer({ min: -2_000, max: 2_000 }).filter(Boolean)).map((values) => adjustBy(...values)),
      1,
    ),
    ...often(
      fc.tuple(user, plan).map((values) => begin(...values)),
      6,
    ),
    ...often(pick.map(cancel), 2),
    ...often(
      fc
        .tuple(pick, fc.constantFrom('none' as const, 'prorated' as const, 'prorated' as const))
        .map((values) => cancelNow(...values)),
      2,
    ),
    ...often(pick.map(resume), 3),
    ...often(pick.map(pause), 2),
    ...often(
      fc.tuple(pick, plan).map((values) => changePlan(...values)),
      4,
    ),
    ...often(by.map(passTime), 5),
    ...often(
      fc.tuple(plan, fc.integer({ min: 100, max: 1_500 }), appliesTo).map((values) => changePrice(...values)),
      1,
    ),
    ...often(
      fc.tuple(pick, fc.integer({ min: 1, max: 20 })).map((values) => extend(...values)),
      1,
    ),
  ];
}
