import type { ProcessName } from '@evergreen/stack/paths.ts';
import type { TestStack } from '@evergreen/stack/testing.ts';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { call } from '../../src/api.ts';
import { forgedTokens } from '../../src/bad-tokens.ts';
import { oneStack } from '../../src/one-stack.ts';

/** A door of each service that opens for any customer, or for an operator. */
const DOORS: [service: ProcessName, path: string][] = [
  ['auth', '/v1/auth/me'],
  ['wallet', '/v1/wallet'],
  ['subscriptions', '/v1/subscriptions'],
  ['gateway', '/v1/gateway/faults'],
  ['notifier', '/v1/notifications'],
];

let stack: TestStack;
let forged: Awaited<ReturnType<typeof forgedTokens>>;

beforeAll(async () => {
  stack = oneStack();
  const [email, password] = ['tokens@evergreen.test', 'correct horse battery staple'];
  await stack.createOperator(email, password);
  const body = { email, password, refreshTokenIn: 'body' };
  const session = (await call(`${stack.baseUrl}/v1/auth/login`, { body })).body;
  forged = await forgedTokens(stack, session);
}, 90_000);
describe.each(DOORS)('%s lets nobody in with a bad access token', (service, path) => {
  test.each(['directly', 'through the edge'])('%s', async (way) => {
    const origin = way === 'directly' ? stack.urls[service] : stack.baseUrl;
    expect((await call(`${origin}${path}`, { token: forged.good })).status).toBe(200);
    const answers = await Promise.all(
      forged.bad.map(async ([what, token]) => {
        const { status, body } = await call(`${origin}${path}`, { token });
        return [what, status, body.code];
      }),
    );
    expect(answers).toEqual(forged.bad.map(([what]) => [what, 401, 'unauthenticated']));
  });
});
