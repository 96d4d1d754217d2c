import { createClient, type Session } from '@evergreen/client/client.ts';
import { SECRET_MARKER } from '@evergreen/stack/secret-search.ts';
import type { TestStack } from '@evergreen/stack/testing.ts';
import { beforeAll, expect, test } from '@jest/globals';
import { committedDocument, readApiDocument } from '../../src/api-document.ts';
import { oneStack } from '../../src/one-stack.ts';
import { visitor } from '../../src/people.ts';

const PASSWORD = `${SECRET_MARKER}a-long-test-password`;
let stack: TestStack;

beforeAll(() => {
  stack = oneStack();
});

/** An account, and a client whose access token has run out. */
async function comeBackLate(email: string) {
  const body = { email, password: PASSWORD, refreshTokenIn: 'body' } as const;
  const { data } = await visitor(stack).POST('/v1/auth/register', { body });
  const sessions: (Session | undefined)[] = [];
  const api = createClient({
    baseUrl: stack.baseUrl,
    session: { accessToken: 'run-out', refreshToken: data?.refreshToken },
    onSession: (session) => sessions.push(session),
  });
  return { api, sessions };
}

test('the running system serves the document that is committed', async () => {
  expect(await readApiDocument(stack.baseUrl)).toEqual(committedDocument());
});

test('an access token that has run out is renewed once for all requests, and none of them notices', async () => {
  const { api, sessions } = await comeBackLate('late@test.example');
  const answers = await Promise.all(Array.from({ length: 10 }, () => api.GET('/v1/wallet')));
  expect(answers.map(({ data }) => data)).toEqual(answers.map(() => ({ balances: [] })));
  expect(sessions).toEqual([{ accessToken: expect.any(String), refreshToken: expect.any(String) }]);
});

test('a POST that meets the end of its token happens once', async () => {
  const { api } = await comeBackLate('poster@test.example');
  const { data } = await api.POST('/v1/wallet/payment-methods', { body: { token: 'pm_card_visa' } });
  const { data: saved } = await api.GET('/v1/wallet/payment-methods');
  expect(saved?.data).toEqual([data]);
});

test('a repeat with a key of the caller gets the stored answer', async () => {
  const { api } = await comeBackLate('repeater@test.example');
  const asked = {
    params: { header: { 'idempotency-key': 'of-the-caller' } },
    body: { amount: 700, currency: 'USD', paymentMethod: 'pm_card_visa' },
  } as const;
  const first = await api.POST('/v1/wallet/top-ups', asked);
  const second = await api.POST('/v1/wallet/top-ups', asked);
  expect(first.data?.id).toBeDefined();
  expect(second.data?.id).toBe(first.data?.id);
});

test('what one person asked for is not done as somebody else, whose cookie the browser holds by now', async () => {
  const [ada, bob] = await Promise.all(
    ['ada@test.example', 'bob@test.example'].map(async (email) => {
      const body = { email, password: PASSWORD, refreshTokenIn: 'body' } as const;
      return (await visitor(stack).POST('/v1/auth/register', { body })).data;
    }),
  );
  const [header, payload] = ada?.accessToken.split('.') ?? [];
  const session = { accessToken: `${header}.${payload}.bad`, refreshToken: bob?.refreshToken };
  const api = createClient({ baseUrl: stack.baseUrl, session });
  const { response } = await api.POST('/v1/wallet/payment-methods', { body: { token: 'pm_card_visa' } });
  expect(response.status).toBe(401);
  // From then on it speaks for the other one, who has saved nothing.
  expect((await api.GET('/v1/auth/me')).data?.email).toBe('bob@test.example');
  expect((await api.GET('/v1/wallet/payment-methods')).data?.data).toEqual([]);
});

test('a session that is over is said to be, and the 401 is the answer', async () => {
  const sessions: (Session | undefined)[] = [];
  const session = { accessToken: 'run-out', refreshToken: 'made-up' };
  const api = createClient({ baseUrl: stack.baseUrl, session, onSession: (next) => sessions.push(next) });
  const { error, response } = await api.GET('/v1/wallet');
  expect({ status: response.status, code: error?.code }).toEqual({ status: 401, code: 'unauthenticated' });
  expect(sessions).toEqual([undefined]);
});

test('a wrong password is an answer, and renews nothing', async () => {
  const { api, sessions } = await comeBackLate('typist@test.example');
  const { error } = await api.POST('/v1/auth/login', { body: { email: 'typist@test.example', password: 'wrong' } });
  expect({ code: error?.code, sessions }).toEqual({ code: 'invalid_credentials', sessions: [] });
});
