import type { Subscription } from '@evergreen/contracts/http/subscriptions.ts';
import { expect } from '@jest/globals';
import { allows, expectAnswer, type Life, type Model } from './life-model.ts';
import { aboutLife, atIndex, balanceOf, command, expectSound, type Pick } from './life-scene.ts';
import { ask, type Charge, look, settle, type World } from './life-world.ts';
import { subscribe } from './people.ts';

/** What customers do with subscriptions, each with the one outcome it may have. */

export const begin = (user: number, pick: number) =>
  command(`user ${user} subscribes to plan ${pick}`, async (model, world) => {
    const index = user % world.users.length;
    const { id: planId } = atIndex(world.plans, pick);
    const plan = (await world.operator.call(`/plans/${planId}`)).body;
    const { status, body } = await subscribe(atIndex(world.users, index), planId);
    const isHeld = model.lives.some((life) => life.user === index && holds(life.seen, planId));
    expect([status, body.code]).toEqual(isHeld ? [409, 'already_subscribed'] : [201, undefined]);
    if (isHeld) return;
    const had = model.lives.some(({ user: of, plans }) => of === index && plans.has(planId));
    const hasTrial = plan.trialDays > 0 && !model.begun[index]?.has(planId) && !had;
    model.begun[index]?.add(planId);
    const life: Life = {
      ...{ id: body.id, user: index, seen: body, plans: new Set([planId]), begunAt: model.last.now },
      ...{ trialMs: hasTrial ? daysMs(body, plan.trialDays) : 0, extendedMs: 0, pausedMs: 0, waitsSince: null },
      ...{ isCutShort: false, isPlain: true },
    };
    model.lives.push(life);
    const paid = plan.price.amount <= balanceOf(model, index) ? 'active' : 'incomplete';
    await expectSound(model, world, { target: life, become: [hasTrial ? 'trialing' : paid] });
  });

/** Days on the customer's calendar, which may be an hour longer or shorter. */
const daysMs = ({ createdAt, timeZone }: Subscription, days: number): number => {
  const begun = Temporal.Instant.from(createdAt).toZonedDateTimeISO(timeZone);
  return begun.until(begun.add({ days })).total('milliseconds');
};

const holds = ({ status, planId, change }: Subscription, wanted: string): boolean =>
  status !== 'expired' && (planId === wanted || change?.planId === wanted);

const hasTimeLeft = ({ currentPeriod, pausedAt }: Subscription): boolean =>
  currentPeriod !== null && pausedAt !== null && Temporal.Instant.compare(pausedAt, currentPeriod.end) < 0;

export const cancel = (pick: Pick) =>
  aboutLife('cancel', pick, async (life, model, world) => {
    const { seen, user, id } = life;
    expectAnswer(life, 'cancel', await ask(atIndex(world.users, user), id, 'cancel'));
    if (!allows(life, 'cancel')) return;
    const goesOn = seen.status === 'trialing' || seen.status === 'active' || hasTimeLeft(seen);
    if (seen.status === 'paused') notePause(life, model);
    life.isCutShort ||= seen.status === 'incomplete' || seen.status === 'pending_renewal';
    await expectSound(model, world, { target: life, become: [goesOn ? 'canceled' : 'expired'] });
  });

export const cancelNow = (pick: Pick, refund: 'none' | 'prorated') =>
  aboutLife(`cancel now, refund ${refund}`, pick, async (life, model, world) => {
    const { user, id, seen } = life;
    const charges = model.last.charges.get(id) ?? [];
    expectAnswer(life, 'cancel_now', await ask(atIndex(world.users, user), id, 'cancel', { at: 'now', refund }));
    if (!allows(life, 'cancel_now')) return;
    life.isCutShort = true;
    await expectSound(model, world, { target: life, become: ['expired'] });
    const refunded = refundedOf(model.last.charges.get(id)) - refundedOf(charges);
    const paid = charges.reduce((sum, { amount, status }) => sum + (status === 'paid' ? amount : 0), 0);
    const mayBe = refund === 'prorated' && !seen.trial && seen.currentPeriod !== null;
    expect(refunded).toBeGreaterThanOrEqual(0);
    expect(refunded).toBeLessThanOrEqual(mayBe ? paid : 0);
  });

const refundedOf = (charges: readonly Charge[] = []) => charges.reduce((sum, { refunded }) => sum + refunded, 0);

const msOf = (at: string): number => Temporal.Instant.from(at).epochMilliseconds;

/**
 * Ends all that lives at once, so that the clock need not stop for it any more. Whoever has paid gets the part of the price back
 * for the part of the period that is left, give or take the seconds in which it was asked for.
 */
export async function endAll(model: Model, world: World): Promise<void> {
  const before = await look(world);
  for (const { id, user } of model.lives) {
    await ask(atIndex(world.users, user), id, 'cancel', { at: 'now', refund: 'prorated' });
  }
  await settle(world);
  const after = await look(world);
  for (const { id, isPlain } of model.lives) {
    const { status, trial, currentPeriod } = before.subscriptions.get(id) ?? {};
    const paid = before.charges.get(id)?.findLast((charge) => charge.status === 'paid');
    if (!isPlain || trial || !currentPeriod || !paid || (status !== 'active' && status !== 'canceled')) continue;
    const [from, to] = [msOf(currentPeriod.start), msOf(currentPeriod.end)];
    const share = paid.amount * ((to - after.now.epochMilliseconds) / (to - from));
    const refunded = refundedOf(after.charges.get(id)) - refundedOf(before.charges.get(id));
    expect({ id, price: paid.amount, refunded, isFair: Math.abs(refunded - share) <= 1 }).toMatchObject({
      isFair: true,
    });
  }
}

function notePause(life: Life, { last }: Model): void {
  const pausedAt = life.seen.pausedAt ?? String(last.now);
  // Counted a second too long, for the time the request takes.
  life.pausedMs += last.now.epochMilliseconds - Temporal.Instant.from(pausedAt).epochMilliseconds + 60_000;
  life.isPlain = false;
}

export const resume = (pick: Pick) =>
  aboutLife('resume', pick, async (life, model, world) => {
    const { seen, user, id } = life;
    expectAnswer(life, 'resume', await ask(atIndex(world.users, user), id, 'resume'));
    if (!allows(life, 'resume')) return;
    const price = seen.change?.price.amount ?? seen.price.amount;
    const bought = price <= balanceOf(model, user) ? 'active' : 'incomplete';
    const goesOn = seen.trial ? 'trialing' : 'active';
    if (seen.status === 'paused') notePause(life, model);
    const become = seen.status === 'canceled' || hasTimeLeft(seen) ? goesOn : bought;
    await expectSound(model, world, { target: life, become: [become] });
    if (seen.status === 'paused' && hasTimeLeft(seen)) await expectTimeKept(life, seen, world);
  });

/** What was left when the pause began is left when it ends, to the millisecond. */
async function expectTimeKept({ id, user, seen }: Life, before: Subscription, world: World): Promise<void> {
  const { body } = await atIndex(world.users, user).call(`/subscriptions/${id}/timeline?limit=5`);
  const { at } = body.data.find(({ trigger }: { trigger: string }) => trigger === 'resume');
  const left = (from: string, subscription: Subscription) =>
    Temporal.Instant.from(from)
      .until(subscription.currentPeriod?.end ?? from)
      .total('milliseconds');
  expect(left(at, seen)).toBe(left(before.pausedAt ?? at, before));
}

export const pause = (pick: Pick) =>
  aboutLife('pause', pick, async (life, model, world) => {
    expectAnswer(life, 'pause', await ask(atIndex(world.users, life.user), life.id, 'pause'));
    if (!allows(life, 'pause')) return;
    await expectSound(model, world, { target: life, become: ['paused'] });
  });

export const changePlan = (pick: Pick, planPick: number) =>
  aboutLife(`change to plan ${planPick}`, pick, async (life, model, world) => {
    const { seen, user, id } = life;
    const person = atIndex(world.users, user);
    const plan = atIndex(world.plans, planPick);
    const { id: planId } = plan;
    const hadBefore =
      model.begun[user]?.has(planId) || model.lives.some((one) => one.user === user && one.plans.has(planId));
    const preview = await person.call(`/subscriptions/${id}/change-plan-preview?planId=${planId}`);
    const answer = await ask(person, id, 'change-plan', { planId });
    if (seen.change?.planId === planId) {
      expect(answer).toMatchObject({ status: 200, body: { version: seen.version } });
    } else if (!allows(life, 'change_plan')) {
      expectAnswer(life, 'change_plan', answer);
    } else if (seen.planId === planId && !seen.change) {
      expect(answer).toMatchObject({ status: 409, body: { code: 'plan_change_not_possible' } });
    } else if (seen.change && seen.planId !== planId && (preview.status !== 200 || preview.body.applies === 'now')) {
      // It would leave nothing to come back to, should it not be paid.
      expect(answer).toMatchObject({ status: 409, body: { code: 'plan_change_not_possible' } });
    } else if (seen.trial && seen.planId !== planId && (hadBefore || plan.trialDays < trialDaysOf(seen))) {
      // A trial of one plan is no trial of another.
      expect(answer).toMatchObject({ status: 409, body: { code: 'plan_change_not_possible' } });
    } else if (model.lives.some((other) => other.user === user && other !== life && holds(other.seen, planId))) {
      expect(answer).toMatchObject({ status: 409, body: { code: 'already_subscribed' } });
    } else {
      expect([answer.status, answer.body.code]).toEqual([200, undefined]);
      const isDrop = seen.planId === planId;
      const balance = balanceOf(model, user);
      await expectSound(model, world, { target: life, become: [seen.status] });
      if (isDrop) expect(life.seen).toMatchObject({ planId, change: null });
      else expectChanged(life, seen, preview.body, { planId, balance, left: balanceOf(model, user) });
    }
  });

/** Whole days of the trial, on the customer's calendar. */
function trialDaysOf({ currentPeriod, timeZone }: Subscription): number {
  if (!currentPeriod) return 0;
  const [start, end] = [currentPeriod.start, currentPeriod.end].map((at) =>
    Temporal.Instant.from(at).toZonedDateTimeISO(timeZone),
  );
  return start && end ? start.until(end, { largestUnit: 'days' }).days : 0;
}

interface Changed {
  planId: string;
  balance: number;
  left: number;
}

/** An upgrade is made when its difference is paid, and else nothing happened; anything else waits for the end of the period. */
function expectChanged(
  life: Life,
  before: Subscription,
  preview: { applies: string; dueNow: { amount: number } },
  { planId, balance, left }: Changed,
): void {
  const { seen } = life;
  life.isPlain &&= preview.applies === 'period_end';
  const due = preview.dueNow.amount;
  if (preview.applies === 'period_end') {
    expect([seen.planId, seen.change?.planId, left]).toEqual([before.planId, planId, balance]);
  } else if (seen.planId === planId) {
    // Between the preview and the change a moment passed.
    expect(Math.abs(balance - left - due)).toBeLessThanOrEqual(1);
  } else {
    expect([seen.planId, seen.change, left]).toEqual([before.planId, null, balance]);
    expect(due).toBeGreaterThanOrEqual(balance);
  }
}
