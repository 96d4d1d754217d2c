import type { Subscription } from '@evergreen/contracts/http/subscriptions.ts';
import type { TestStack } from '@evergreen/stack/testing.ts';
import { describe, expect, test } from '@jest/globals';
import { holdEvents } from '../src/holds.ts';
import { newPlan, topUp } from '../src/people.ts';
import { openStage } from '../src/stage.ts';
import { PRICE, type Stories, type Story } from '../src/stories.ts';

const MONTHLY = { interval: { unit: 'month', count: 1 } };
const DEARER = 3_000;

let stack: TestStack;
let stories: Stories;
const held = openStage((opened) => {
  ({ stack, stories } = opened);
});

const dearerPlan = () =>
  newPlan(stories.operator, { name: 'Dearer', price: { amount: DEARER, currency: 'USD' }, ...MONTHLY });
const ms = (text: string): bigint => BigInt(Temporal.Instant.from(text).epochMilliseconds);

/** `amount` x what is left of the period at `at`, in whole numbers: a price halves up, what goes back or is set off rounded down. */
function share(
  amount: number,
  { start, end }: { start: string; end: string },
  at: string,
  is: 'price' | 'back',
): number {
  const [left, whole] = [ms(end) - ms(at), ms(end) - ms(start)];
  return Number(is === 'back' ? (BigInt(amount) * left) / whole : (2n * BigInt(amount) * left + whole) / (2n * whole));
}

/** When the subscription moved by that for the last time. */
const movedAt = async (story: Story, trigger: string): Promise<string> =>
  (await stories.timeline(story)).findLast((entry) => entry.trigger === trigger)?.at ?? '';

const periodOf = async (story: Story): Promise<NonNullable<Subscription['currentPeriod']>> => {
  const { currentPeriod } = await stories.view(story);
  if (!currentPeriod) throw new Error(`subscription ${story.id} has no period`);
  return currentPeriod;
};

describe('a cancellation at once', () => {
  test('gives back what is unused of the period, to the minor unit', async () => {
    const story = await stories.active(0, MONTHLY, 'America/New_York');
    const period = await periodOf(story);
    await stories.pass('P9DT5H17M');
    expect(await story.command('cancel', { at: 'now', refund: 'prorated' })).toMatchObject({ status: 200 });
    await stories.settle();
    const expected = share(PRICE, period, await movedAt(story, 'cancel_now'), 'back');
    expect(expected).toBeGreaterThan(600);
    expect(await stories.facts(story)).toMatchObject({
      status: 'expired',
      access: false,
      debits: 1,
      balance: expected,
    });
  });

  test('without a refund gives back nothing', async () => {
    const story = await stories.active(0, MONTHLY);
    await story.command('cancel', { at: 'now' });
    await stories.settle();
    expect(await stories.facts(story)).toMatchObject({ status: 'expired', debits: 1, balance: 0 });
  });
});

describe('an upgrade', () => {
  test('costs what is left of the period at the new price, less what is left of the old one', async () => {
    const story = await stories.active(DEARER, MONTHLY, 'Europe/Amsterdam');
    const { id: planId } = await dearerPlan();
    const period = await periodOf(story);
    await stories.pass('P11DT2H');
    await story.command('change-plan', { planId });
    await stories.settle();
    const at = await movedAt(story, 'upgrade');
    const due = share(DEARER, period, at, 'price') - share(PRICE, period, at, 'back');
    expect(await stories.facts(story)).toMatchObject({ status: 'active', debits: 2, balance: DEARER - due });
    expect(await stories.view(story)).toMatchObject({ planId, change: null, currentPeriod: period });
  });

  test('that the balance does not cover leaves the plan as it is, and no later top-up pays it', async () => {
    const story = await stories.active(0, MONTHLY);
    const before = await stories.view(story);
    const { id: planId } = await dearerPlan();
    expect(await story.command('change-plan', { planId })).toMatchObject({
      status: 200,
      body: { change: { planId, at: null } },
    });
    await stories.settle();
    const after = await stories.view(story);
    expect(after).toEqual({ ...before, version: after.version });
    await topUp(story.person, 10_000);
    await stories.settle();
    expect(await stories.facts(story)).toMatchObject({ status: 'active', debits: 1, balance: 10_000 });
    expect(await stories.view(story)).toEqual(after);
  });

  test('in flight, canceled at once: the wallet was first, and all of the upgrade comes back', async () => {
    const story = await stories.active(DEARER, MONTHLY);
    const hold = await held(holdEvents(stack, 'subscriptions'));
    await story.command('change-plan', { planId: (await dearerPlan()).id });
    await hold.caught();
    expect((await stories.facts(story)).debits).toBe(2);
    await story.command('cancel', { at: 'now' });
    await hold.release();
    await stories.settle();
    const facts = await stories.facts(story);
    expect(facts).toMatchObject({ status: 'expired', access: false, debits: 2, balance: DEARER });
    expect(facts.bought.map(({ what }) => what)).toEqual(['period', 'nothing']);
  });

  test('in flight, canceled at once with a refund: what is unused of the period comes back as well', async () => {
    const story = await stories.active(DEARER, MONTHLY);
    const period = await periodOf(story);
    const { id: planId } = await dearerPlan();
    await stories.pass('P10D');
    const hold = await held(holdEvents(stack, 'wallet'));
    await story.command('change-plan', { planId });
    await hold.caught();
    await story.command('cancel', { at: 'now', refund: 'prorated' });
    await hold.release();
    await stories.settle();
    const back = share(PRICE, period, await movedAt(story, 'cancel_now'), 'back');
    expect(await stories.facts(story)).toMatchObject({ status: 'expired', access: false, balance: DEARER + back });
  });

  test('in flight, canceled at once: the wallet could not pay it, and nothing is debited', async () => {
    const story = await stories.active(0, MONTHLY);
    const hold = await held(holdEvents(stack, 'subscriptions'));
    await story.command('change-plan', { planId: (await dearerPlan()).id });
    await hold.caught();
    await story.command('cancel', { at: 'now' });
    await hold.release();
    await stories.settle();
    expect(await stories.facts(story)).toMatchObject({ status: 'expired', debits: 1, balance: 0 });
  });

  test('in flight, canceled at the end: made when the wallet was first, and the subscription runs out on it', async () => {
    const story = await stories.active(DEARER, MONTHLY);
    const period = await periodOf(story);
    const { id: planId } = await dearerPlan();
    const hold = await held(holdEvents(stack, 'subscriptions'));
    await story.command('change-plan', { planId });
    await hold.caught();
    await story.command('cancel');
    await hold.release();
    await stories.settle();
    expect(await stories.view(story)).toMatchObject({ status: 'canceled', access: true, planId, cancelAt: period.end });
    expect((await stories.facts(story)).debits).toBe(2);
  });
});
