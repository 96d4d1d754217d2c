import { startTestStack, type TestStack } from '@evergreen/stack/testing.ts';
import { afterAll, beforeAll } from '@jest/globals';

/*
 * One stack for all parts of a test file: a stack takes as long to start as many of them to run. It suits parts that leave the clock and
 * the payment gateway as they are, and look at nothing but what they made.
 */

let stack: TestStack;

beforeAll(async () => {
  stack = await startTestStack();
}, 90_000);

afterAll(() => stack?.stop(), 30_000);

/** The stack, once the tests have begun. */
export const oneStack = (): TestStack => stack;
