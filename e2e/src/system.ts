import { startTestStack, type TestStack } from '@evergreen/stack/testing.ts';

/** A system to play on, whoever started it. */
export interface System extends Pick<TestStack, 'baseUrl' | 'stop'> {
  /** An operator's account that is there; without one, `createOperator` makes them. */
  operator?: { email: string; password: string };
  createOperator?: TestStack['createOperator'];
}

/** The one at TEST_SYSTEM_URL, which goes on when it is stopped here, or one that is started for this test alone. */
export async function openSystem(): Promise<System> {
  const { TEST_SYSTEM_URL: url, TEST_OPERATOR_EMAIL: email, TEST_OPERATOR_PASSWORD: password } = process.env;
  if (!url) return startTestStack();
  if (!email || !password)
    throw new Error('TEST_OPERATOR_EMAIL and TEST_OPERATOR_PASSWORD are those of an operator there');
  return { baseUrl: url, operator: { email, password }, stop: async () => undefined };
}
