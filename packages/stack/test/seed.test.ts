import { SECRET_MARKER } from '@evergreen/stack/secret-search.ts';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { playHistory } from '../src/demo-history.ts';
import { ReadableError } from '../src/readable-error.ts';
import { demoEmail, operatorEmail, seed } from '../src/seed.ts';
import { startTestStack, type TestStack } from '../src/testing.ts';

const password = `${SECRET_MARKER}a-long-sentence-is-best`;
let stack: TestStack;

beforeAll(async () => {
  stack = await startTestStack();
}, 60_000);
afterAll(() => stack?.stop());

// biome-ignore lint/suspicious/noExplicitAny: each test knows the body it asked for.
type Body = any;

async function call(method: 'GET' | 'POST', path: string, options: { body?: object; token?: string } = {}) {
  const response = await fetch(`${stack.baseUrl}${path}`, {
    method,
    headers: {
      ...(options.body && { 'content-type': 'application/json' }),
      ...(options.token && { authorization: `Bearer ${options.token}` }),
    },
    ...(options.body && { body: JSON.stringify(options.body) }),
    signal: AbortSignal.timeout(10_000),
  });
  return { status: response.status, body: (await response.json()) as Body };
}

const logIn = async (email: string) => (await call('POST', '/v1/auth/login', { body: { email, password } })).body;

test('an operator, a customer and four plans; run again, it adds nothing', async () => {
  const options = { baseUrl: stack.baseUrl, authDatabaseUrl: stack.databases.auth.url, password };
  const seeded = async () => {
    const [operator, customer] = [await logIn(operatorEmail), await logIn(demoEmail)];
    const { data } = (await call('GET', '/v1/plans', { token: operator.accessToken })).body;
    return { operator: operator.user, customer: customer.user, plans: data };
  };
  await seed(options);
  const first = await seeded();
  expect([first.operator.role, first.customer.role]).toEqual(['operator', 'customer']);
  expect(first.plans.map(({ name }: { name: string }) => name).sort()).toEqual([
    'Day Pass',
    'Monthly',
    'Weekly',
    'Yearly',
  ]);
  await seed(options);
  expect(await seeded()).toEqual(first);
});

test('the history leaves something in every list and chart; played again, it adds nothing', async () => {
  const options = { baseUrl: stack.baseUrl, password };
  await playHistory(options);
  const [operator, customer] = [await logIn(operatorEmail), await logIn(demoEmail)];
  const as = (who: Body) => async (path: string) => (await call('GET', path, { token: who.accessToken })).body;
  const [operators, customers] = [as(operator), as(customer)];
  const { data: points } = await operators('/v1/operator/metrics?step=month');
  expect(points.length).toBeGreaterThanOrEqual(4);
  expect(points.at(-1).active).toBeGreaterThan(5);
  expect(points.some(({ mrr }: Body) => mrr.length > 0)).toBe(true);
  const { data: all } = await operators('/v1/operator/subscriptions?limit=100');
  const statuses = new Set(all.map(({ status }: Body) => status));
  expect([...statuses].sort()).toEqual(['active', 'canceled', 'expired', 'paused', 'pending_renewal']);
  const { data: lines } = await customers('/v1/wallet/transactions?limit=100');
  expect(new Set(lines.map(({ kind }: Body) => kind))).toEqual(new Set(['top_up', 'charge', 'adjustment']));
  expect((await customers('/v1/notifications')).data.length).toBeGreaterThan(5);
  const { now } = await operators('/v1/clock');
  await playHistory(options);
  expect((await operators('/v1/operator/subscriptions?limit=100')).data).toEqual(all);
  expect(Date.parse((await operators('/v1/clock')).now) - Date.parse(now)).toBeLessThan(60_000);
}, 180_000);

test('a customer who has registered the address first does not become an operator, and the person is told', async () => {
  const email = 'somebody.was.first@evergreen.test';
  expect((await call('POST', '/v1/auth/register', { body: { email, password } })).status).toBe(201);
  const refused = await stack.createOperator(email, password).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(ReadableError);
  expect((refused as Error).message).toBe(
    `Could not create the operator ${email} (1): no operator was created: ${email} is a customer's account, and stays one; choose another address`,
  );
  expect((await logIn(email)).user.role).toBe('customer');
});
