import { startTestStack, type TestStack } from '@evergreen/stack/testing.ts';
import { afterAll, afterEach, beforeAll } from '@jest/globals';
import { expectBooksToAgree, expectNoDeadLetters } from './books.ts';
import type { Hold } from './holds.ts';
import { openStories, type Stories } from './stories.ts';

/**
 * One stack for all tests of a file, and its stories, told before the first test. After each test all holds are released, the
 * books of both services agree, no letter is dead, and every story is ended.
 * @param ready gets the stack and the stories
 * @param calmDown ends what else a test may have left behind
 * @returns a function that takes note of a hold, for it to be released
 */
export function openStage(
  ready: (opened: { stack: TestStack; stories: Stories }) => Promise<void> | void,
  calmDown: () => Promise<unknown> = async () => undefined,
): (hold: Promise<Hold>) => Promise<Hold> {
  let stack: TestStack;
  let stories: Stories;
  let holds: Hold[] = [];
  beforeAll(async () => {
    stack = await startTestStack();
    stories = await openStories(stack);
    await ready({ stack, stories });
  }, 90_000);
  afterEach(async () => {
    for (const hold of holds) await hold.release();
    holds = [];
    await calmDown();
    await stories.settle();
    await expectBooksToAgree(stories.books, stories.userIds());
    await expectNoDeadLetters(stack);
    await stories.end();
  }, 30_000);
  afterAll(async () => {
    await stories?.close();
    await stack?.stop();
  }, 30_000);
  return async (hold) => {
    const held = await hold;
    holds.push(held);
    return held;
  };
}
