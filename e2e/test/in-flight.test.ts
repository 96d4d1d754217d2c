import { awaitCondition } from '@evergreen/stack/await-condition.ts';
import type { TestStack } from '@evergreen/stack/testing.ts';
import { describe, expect, test } from '@jest/globals';
import { holdEvents, letTimePass } from '../src/holds.ts';
import { topUp } from '../src/people.ts';
import { openStage } from '../src/stage.ts';
import { DAY_MS, lengthMs, PRICE, type Stories } from '../src/stories.ts';

/*
 * A wish meets a charge that is on its way. What the wallet does first counts, and each order is made to happen: holding the
 * wallet's events puts the wish first, holding those of subscriptions puts the wallet first.
 */

let stack: TestStack;
let stories: Stories;
const held = openStage((opened) => {
  ({ stack, stories } = opened);
});

describe('a renewal canceled while its charge is in flight', () => {
  test('buys one last period when the wallet had debited it already', async () => {
    const story = await stories.active(PRICE);
    const hold = await held(holdEvents(stack, 'subscriptions'));
    const walking = stories.begin({ by: 'P1D' });
    await hold.caught();
    expect(await stories.facts(story)).toMatchObject({ status: 'active', debits: 2, balance: 0 });
    expect(await story.command('cancel')).toMatchObject({ status: 200, body: { status: 'canceled' } });
    await hold.release();
    expect(await walking).toMatchObject({ steps: 1 });
    const facts = await stories.facts(story);
    expect(facts).toMatchObject({ status: 'canceled', access: true, debits: 2, balance: 0 });
    expect(facts.bought.map(lengthMs)).toEqual([DAY_MS, DAY_MS]);
    await stories.pass('P1D');
    expect(await stories.facts(story)).toMatchObject({ status: 'expired', access: false, debits: 2 });
  });

  test('buys one last period when the wallet heard of the charge first', async () => {
    const story = await stories.active(PRICE);
    const hold = await held(holdEvents(stack, 'wallet'));
    const walking = stories.begin({ by: 'P1D' });
    await hold.caught();
    await story.command('cancel');
    expect(await stories.facts(story)).toMatchObject({ status: 'canceled', debits: 1, balance: PRICE });
    await hold.release();
    await walking;
    const facts = await stories.facts(story);
    expect(facts).toMatchObject({ status: 'canceled', access: true, debits: 2, balance: 0 });
    expect(facts.bought.map(lengthMs)).toEqual([DAY_MS, DAY_MS]);
  });

  test('the same with the whole wallet frozen in the middle', async () => {
    const story = await stories.active(PRICE);
    stack.supervisor.kill('wallet', 'SIGSTOP');
    try {
      await letTimePass(stack, { days: 1 });
      await awaitCondition(async () => (await stories.view(story)).waitingFor ?? undefined, {
        ...{ timeoutMs: 15_000, intervalMs: 10, what: 'the renewal to be asked for' },
      });
      expect(await story.command('cancel')).toMatchObject({ status: 200, body: { status: 'canceled' } });
    } finally {
      stack.supervisor.kill('wallet', 'SIGCONT');
    }
    await stories.settle();
    const facts = await stories.facts(story);
    expect(facts).toMatchObject({ status: 'canceled', access: true, debits: 2, balance: 0 });
    expect(facts.bought.map(lengthMs)).toEqual([DAY_MS, DAY_MS]);
  }, 60_000);

  test('is over without a debit when the wallet could not pay it, and a later top-up stays whole', async () => {
    const story = await stories.active(0);
    const hold = await held(holdEvents(stack, 'subscriptions'));
    const walking = stories.begin({ by: 'P1D' });
    await hold.caught();
    await story.command('cancel');
    await hold.release();
    await walking;
    await topUp(story.person, 5_000);
    await stories.settle();
    expect(await stories.facts(story)).toMatchObject({ status: 'expired', access: false, debits: 1, balance: 5_000 });
  });

  test('at once, gives the whole period back when the wallet had debited it already', async () => {
    const story = await stories.active(PRICE);
    const hold = await held(holdEvents(stack, 'subscriptions'));
    const walking = stories.begin({ by: 'P1D' });
    await hold.caught();
    expect((await stories.facts(story)).balance).toBe(0);
    const { body } = await story.command('cancel', { at: 'now' });
    expect(body).toMatchObject({ access: false });
    await hold.release();
    await walking;
    const facts = await stories.facts(story);
    expect(facts).toMatchObject({ status: 'expired', access: false, debits: 2, balance: PRICE });
    expect(facts.bought.map(({ what }) => what)).toEqual(['period', 'nothing']);
  });

  test('at once, is never debited when the wallet could not pay it', async () => {
    const story = await stories.active(0);
    const hold = await held(holdEvents(stack, 'subscriptions'));
    const walking = stories.begin({ by: 'P1D' });
    await hold.caught();
    await story.command('cancel', { at: 'now' });
    await hold.release();
    await walking;
    await topUp(story.person, 5_000);
    await stories.settle();
    expect(await stories.facts(story)).toMatchObject({ status: 'expired', debits: 1, balance: 5_000 });
  });
});

describe('a pause while the renewal waits for money', () => {
  test('gives the charge up: a top-up stays whole, and going on buys a period from then on', async () => {
    const story = await stories.active(0);
    await stories.pass('P1D');
    expect(await stories.facts(story)).toMatchObject({ status: 'pending_renewal' });
    expect(await story.command('pause')).toMatchObject({ status: 200, body: { status: 'paused' } });
    // A top-up that overtakes the void pays the period, which is the next test.
    await stories.settle();
    await topUp(story.person, 3 * PRICE);
    await stories.pass('P10D');
    expect(await stories.facts(story)).toMatchObject({
      status: 'paused',
      access: false,
      debits: 1,
      balance: 3 * PRICE,
    });
    await story.command('resume');
    await stories.settle();
    const facts = await stories.facts(story);
    expect(facts).toMatchObject({ status: 'active', access: true, debits: 2, balance: 2 * PRICE });
    expect(facts.bought.map(lengthMs)).toEqual([DAY_MS, DAY_MS]);
  });

  test('keeps the period whole that a top-up had paid already', async () => {
    const story = await stories.active(0);
    await stories.pass('P1D');
    const hold = await held(holdEvents(stack, 'subscriptions'));
    await topUp(story.person, PRICE);
    await hold.caught();
    expect(await story.command('pause')).toMatchObject({ status: 200, body: { status: 'paused' } });
    await hold.release();
    await stories.pass('P10D');
    expect(await stories.facts(story)).toMatchObject({ status: 'paused', access: false, debits: 2, balance: 0 });
    const { body } = await story.command('resume');
    const resumedAt = (await stories.timeline(story)).at(-1)?.at;
    expect(body).toMatchObject({ status: 'active', access: true, currentPeriod: { start: resumedAt } });
    expect(lengthMs(body.currentPeriod)).toBe(DAY_MS);
  });
});

test('a pause keeps what was left to the millisecond', async () => {
  const story = await stories.active(0, { interval: { unit: 'month', count: 1 } }, 'Europe/Amsterdam');
  await stories.pass('P7DT3H');
  const { body: paused } = await story.command('pause');
  await stories.pass('P40D');
  const { body: resumed } = await story.command('resume');
  const resumedAt = (await stories.timeline(story)).at(-1)?.at ?? '';
  const left = (from: string, { currentPeriod }: typeof paused) => lengthMs({ start: from, end: currentPeriod.end });
  expect(left(resumedAt, resumed)).toBe(left(paused.pausedAt, paused));
  expect(resumed.access).toBe(true);
});
