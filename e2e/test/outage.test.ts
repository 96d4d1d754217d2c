import type { CatchUpItem } from '@evergreen/contracts/http/subscription-operations.ts';
import { startTestStack, type TestStack } from '@evergreen/stack/testing.ts';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { expectBooksToAgree, expectNoDeadLetters } from '../src/books.ts';
import { forEachOf } from '../src/crowd.ts';
import { newPlan } from '../src/people.ts';
import { openStories, type Stories, type Story } from '../src/stories.ts';

const PRICES = { day: 10, week: 70, month: 300 } as const;
const EACH = 4;
const PLENTY = 10_000;

let stack: TestStack;
let stories: Stories;

beforeAll(async () => {
  stack = await startTestStack();
  stories = await openStories(stack);
}, 90_000);

afterAll(async () => {
  await stories?.close();
  await stack?.stop();
}, 30_000);

test('a scheduler stopped for three months: one charge per subscription and not three, and nothing for canceled ones', async () => {
  const plans = await forEachOf(Object.entries(PRICES), 1, ([unit, amount]) =>
    newPlan(stories.operator, {
      name: unit,
      price: { amount, currency: 'USD' },
      interval: { unit, count: 1 },
      noticeDays: 0,
    }),
  );
  const begin = (index: number) => {
    const plan = plans[index % plans.length] as { id: string; name: keyof typeof PRICES };
    return stories.subscribed(stories.newPerson(), { id: plan.id, price: { amount: PRICES[plan.name] } }, PLENTY);
  };
  const kept = await forEachOf([...Array(EACH * plans.length).keys()], 4, begin);
  const canceled = await forEachOf([...Array(plans.length).keys()], 4, begin);
  for (const story of canceled) await story.command('cancel');

  await tellScheduler('pause', true);
  await stories.pass('P3M');
  for (const story of kept) expect(await stories.facts(story)).toMatchObject({ debits: 1, balance: PLENTY });
  const owed = EACH * Object.values(PRICES).reduce((sum, price) => sum + price, 0);
  await expectPreview(kept, canceled, owed);

  const before = await moneyOf(kept);
  await tellScheduler('resume', false);
  await stories.settle();
  expect(before - (await moneyOf(kept))).toBe(owed);
  const now = Temporal.Instant.from((await stories.operator.call('/clock')).body.now);
  for (const story of kept) {
    const { bought, ...facts } = await stories.facts(story);
    expect(facts).toMatchObject({ status: 'active', access: true, debits: 2 });
    const last = bought.at(-1);
    // Of what passed nothing is billed: the period is the one that it is by now.
    expect(Temporal.Instant.compare(last?.start ?? '', now)).toBeLessThanOrEqual(0);
    expect(Temporal.Instant.compare(last?.end ?? '', now)).toBe(1);
  }
  for (const story of canceled) {
    expect(await stories.facts(story)).toMatchObject({ status: 'expired', access: false, debits: 1, balance: PLENTY });
  }
  await expectBooksToAgree(stories.books, stories.userIds());
  await expectNoDeadLetters(stack);
}, 120_000);

/** What the operator is shown beforehand is what then happens. */
async function expectPreview(kept: readonly Story[], canceled: readonly Story[], owed: number): Promise<void> {
  const items: CatchUpItem[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const path = `/operator/catch-up-preview?limit=5${cursor && `&cursor=${cursor}`}`;
    const { status, body } = await stories.operator.call(path);
    expect(status).toBe(200);
    const charges = [{ currency: 'USD', count: kept.length, amount: owed }];
    expect(body).toMatchObject({ paused: true, due: kept.length + canceled.length, charges });
    items.push(...body.data);
    cursor = body.nextCursor;
  }
  const of = (action: string) => items.filter((item) => item.action === action);
  const idsOf = (list: readonly { subscriptionId: string }[]) =>
    list.map(({ subscriptionId }) => subscriptionId).sort();
  expect(idsOf(of('charge'))).toEqual(kept.map(({ id }) => id).sort());
  expect(idsOf(of('end'))).toEqual(canceled.map(({ id }) => id).sort());
  expect(of('charge').reduce((sum, { amount }) => sum + (amount?.amount ?? 0), 0)).toBe(owed);
  // Each has missed periods, and pays for none of them.
  for (const { skippedPeriods } of of('charge')) expect(skippedPeriods).toBeGreaterThanOrEqual(1);
}

async function moneyOf(list: readonly Story[]): Promise<number> {
  const facts = await Promise.all(list.map((story) => stories.facts(story)));
  return facts.reduce((sum, { balance }) => sum + balance, 0);
}

async function tellScheduler(command: 'pause' | 'resume', paused: boolean): Promise<void> {
  const answer = await stories.operator.call(`/operator/scheduler/${command}`, { method: 'POST' });
  expect(answer).toMatchObject({ status: 200, body: { paused } });
}
