import { awaitCondition } from '@evergreen/stack/await-condition.ts';
import type { TestStack } from '@evergreen/stack/testing.ts';
import { afterAll, describe, expect, test } from '@jest/globals';
import { type Answers, openAnswers } from '../src/answers.ts';
import { expectBooksToAgree } from '../src/books.ts';
import { forEachOf } from '../src/crowd.ts';
import { holdEvents, holdSweeps, letTimePass } from '../src/holds.ts';
import { balanceOf, newPlan, subscribe, topUp } from '../src/people.ts';
import { readCounter, startReplica } from '../src/replica.ts';
import { openStage } from '../src/stage.ts';
import { DAY_MS, lengthMs, PRICE, type Stories, type Story } from '../src/stories.ts';

let stack: TestStack;
let stories: Stories;
let answers: Answers;
// Before the stack is stopped: what is asked for last happens last.
afterAll(() => answers?.close());
const held = openStage(
  async (opened) => {
    ({ stack, stories } = opened);
    answers = await openAnswers(stack);
  },
  () => answers.loseNoMore(),
);

/** Waits for money; its grace ends two days after its first period. */
async function pendingOne(): Promise<Story> {
  const story = await stories.active(0);
  await stories.pass('P1D');
  expect(await stories.facts(story)).toMatchObject({ status: 'pending_renewal', debits: 1, balance: 0 });
  return story;
}

describe('the end of the grace and a top-up', () => {
  test('renew when the top-up is first, though the end was asked for meanwhile', async () => {
    const story = await pendingOne();
    const hold = await held(holdEvents(stack, 'wallet'));
    const walking = stories.begin({ by: 'P2D' });
    await hold.caught();
    expect(await topUp(story.person, 1_500)).toMatchObject({ status: 201, body: { status: 'succeeded' } });
    await hold.release();
    await walking;
    const facts = await stories.facts(story);
    expect(facts).toMatchObject({ status: 'active', access: true, debits: 2, balance: 500 });
    expect(facts.bought.map(lengthMs)).toEqual([DAY_MS, DAY_MS]);
  });

  test('end it when the grace is over first, and the whole top-up stays on the balance', async () => {
    const story = await pendingOne();
    await stories.pass('P2D');
    await topUp(story.person, 1_500);
    await stories.settle();
    expect(await stories.facts(story)).toMatchObject({ status: 'expired', access: false, debits: 1, balance: 1_500 });
  });

  test('at once, for 20 customers: each is renewed and debited once, or over with all of the money', async () => {
    const all = await forEachOf([...Array(20).keys()], 10, () => stories.active(0, { graceDays: 1 }));
    await stories.pass('P1D');
    const ends = await Promise.all(all.map(async (story) => (await stories.view(story)).graceEndsAt ?? ''));
    // The void of all 20 is in the wallet's hands; it is let go while top-ups are coming in.
    const hold = await held(holdEvents(stack, 'wallet'));
    const walking = stories.begin({ to: ends.sort().at(-1) ?? '' });
    await hold.caught();
    const toppingUp = forEachOf(all, 4, ({ person }) => topUp(person, 1_500));
    await awaitCondition(async () => ((await balanceOf(all[3]?.person ?? stories.operator)) > 0 ? true : undefined), {
      ...{ timeoutMs: 15_000, intervalMs: 1, what: 'the first top-ups' },
    });
    await hold.release();
    await toppingUp;
    await walking;
    await stories.settle();
    const facts = await Promise.all(all.map((story) => stories.facts(story)));
    const renewed = facts.filter(({ status }) => status === 'active');
    const over = facts.filter(({ status }) => status === 'expired');
    process.stderr.write(`moments.test.ts: ${renewed.length} of 20 top-ups came before the end of the grace\n`);
    expect(renewed.length + over.length).toBe(20);
    expect(renewed.map(({ debits, balance, bought }) => [debits, balance, bought.length])).toEqual(
      renewed.map(() => [2, 500, 2]),
    );
    expect(over.map(({ debits, balance, bought }) => [debits, balance, bought.length])).toEqual(
      over.map(() => [1, 1_500, 1]),
    );
  }, 60_000);
});

test('two replicas that sweep the same 240 rows at the same moment ask for each renewal once', async () => {
  const [people, plans] = [12, 20];
  const made = await forEachOf([...Array(plans).keys()], 4, (n) =>
    newPlan(stories.operator, {
      name: `Daily ${n}`,
      price: { amount: 10, currency: 'USD' },
      interval: { unit: 'day', count: 1 },
    }),
  );
  const customers = Array.from({ length: people }, () => stories.newPerson());
  const pairs = customers.flatMap((person) => made.map(({ id }) => ({ person, planId: id })));
  await forEachOf(customers, 6, async ({ id }) => {
    const body = { amount: 2 * 10 * plans, currency: 'USD', reason: 'For two periods of each' };
    await stories.operator.call(`/wallets/${id}/adjustments`, { key: id, body });
  });
  await forEachOf(pairs, 8, ({ person, planId }) => subscribe(person, planId));
  await stories.settle();
  const other = await startReplica(stack, 'subscriptions');
  const swept = (url: string) => readCounter(url, 'evergreen_subscriptions_moves_total', { trigger: 'due' });
  try {
    const before = await swept(stack.urls.subscriptions);
    const hold = await held(holdSweeps(stack));
    await letTimePass(stack, { days: 1, minutes: 1 });
    await hold.caught(2);
    await hold.release();
    await stories.settle();
    const [one, two] = [(await swept(stack.urls.subscriptions)) - before, await swept(other.url)];
    expect(one + two).toBe(pairs.length);
    expect(Math.min(one, two)).toBeGreaterThan(0);
  } finally {
    await other.stop();
  }
  const userIds = customers.map(({ id }) => id);
  await expectBooksToAgree(stories.books, userIds);
  const debits = await stories.books.wallet.query(
    `SELECT c.subscription_id, count(*)::int AS debits FROM transfer t JOIN charge c ON c.id = t.reference
     WHERE t.kind = 'charge' AND c.user_id = ANY ($1::uuid[]) GROUP BY 1`,
    [userIds],
  );
  expect(debits.rows.map((row) => row.debits)).toEqual(pairs.map(() => 2));
  await forEachOf(customers, 4, async (person) => {
    const { body } = await person.call('/subscriptions?limit=100');
    for (const { id } of body.data) await person.call(`/subscriptions/${id}/cancel`, { body: { at: 'now' } });
  });
}, 120_000);

const MONTHLY = { interval: { unit: 'month', count: 1 } };
/** The longest one, and a little. */
const A_MONTH = { days: 31, minutes: 1 };

describe('the answer to a renewal', () => {
  test('delivered three times, twice as itself and once anew, buys one period', async () => {
    const story = await stories.active(PRICE);
    await stories.pass('P1D');
    const heard = await answers.hear(story.id, 2);
    const before = await stories.view(story);
    await answers.say(heard);
    await answers.say(heard, { anew: true });
    await stories.settle();
    expect(await stories.view(story)).toEqual(before);
    expect(await stories.facts(story)).toMatchObject({ status: 'active', debits: 2, balance: 0 });
  });

  test('two days late buys the period that was due, as access stayed open', async () => {
    const story = await stories.active(PRICE, MONTHLY);
    const [first] = (await stories.facts(story)).bought;
    await answers.lose();
    await letTimePass(stack, A_MONTH);
    const late = (await answers.hear(story.id, 2)).slice(1);
    await letTimePass(stack, { days: 2 });
    await answers.hear(story.id, 3);
    expect(await stories.facts(story)).toMatchObject({ status: 'active', access: true, debits: 2, balance: 0 });
    await answers.loseNoMore();
    await answers.say(late);
    await stories.settle();
    const facts = await stories.facts(story);
    expect(facts).toMatchObject({ status: 'active', debits: 2, balance: 0 });
    expect(facts.bought.map(({ start }) => start)).toEqual([first?.start, first?.end]);
  });

  test('out of order, that it is paid before that it is short, renews once and never waits', async () => {
    const story = await stories.active(0, MONTHLY);
    await answers.lose();
    await letTimePass(stack, A_MONTH);
    const short = (await answers.hear(story.id, 2))[1];
    await topUp(story.person, PRICE);
    const paid = (await answers.hear(story.id, 3))
      .slice(1)
      .find(({ body }) => body.data.version > (short?.body.data.version ?? 0));
    await answers.loseNoMore();
    if (!short || !paid) throw new Error('the wallet has not answered twice');
    expect([short.type, paid.type]).toEqual([
      expect.stringContaining('ChargeFailed'),
      expect.stringContaining('ChargeSucceeded'),
    ]);
    await answers.say([paid, short]);
    await answers.say([short, paid, short], { anew: true });
    await stories.settle();
    expect(await stories.facts(story)).toMatchObject({ status: 'active', access: true, debits: 2, balance: 0 });
    expect((await stories.timeline(story)).map(({ to }) => to)).not.toContain('pending_renewal');
  });

  test('lost for good is asked for again, and debited no second time', async () => {
    const story = await stories.active(PRICE, MONTHLY);
    await answers.lose();
    await letTimePass(stack, A_MONTH);
    await answers.hear(story.id, 2);
    await answers.loseNoMore();
    await letTimePass(stack, { minutes: 10 });
    await awaitCondition(async () => ((await stories.facts(story)).bought.length === 2 ? true : undefined), {
      ...{ timeoutMs: 15_000, intervalMs: 20, what: 'the renewal' },
    });
    expect(await stories.facts(story)).toMatchObject({ status: 'active', debits: 2, balance: 0 });
  });
});
