import { exampleOf, type JsonSchema } from '@evergreen/edge/src/example.ts';
import { awaitCondition } from '@evergreen/stack/await-condition.ts';
import type { TestStack } from '@evergreen/stack/testing.ts';
import { beforeAll, expect, test } from '@jest/globals';
import { type Answer, call, newKey } from '../../src/api.ts';
import { type Operation, operationsOf, readApiDocument, undocumented } from '../../src/api-document.ts';
import { oneStack } from '../../src/one-stack.ts';
import {
  awaitStatus,
  calmGateway,
  newCustomer,
  newOperator,
  newPlan,
  type Person,
  subscribe,
  topUp,
} from '../../src/people.ts';

/*
 * Walks the API document: what is open, who may call what, and what has an id is told there, so a new route is covered
 * without being named. A new kind of thing with an id needs an example of it, and the test says so.
 */

let stack: TestStack;
let owner: Person;
let stranger: Person;
let operator: Person;
let operations: Operation[];
let schemas: Record<string, JsonSchema>;
let planId: string;
/** The id of something of the owner's, by what its routes begin with. */
let owned: Record<string, string>;

beforeAll(async () => {
  stack = oneStack();
  operator = await newOperator(stack);
  await calmGateway(operator);
  owner = await newCustomer(stack);
  stranger = await newCustomer(stack);
  const document = await readApiDocument(stack.baseUrl);
  operations = operationsOf(document);
  schemas = document.components.schemas;
  planId = (await newPlan(operator)).id;
  owned = await fillAccount(owner);
}, 60_000);

/** Gives the owner one of each kind. */
async function fillAccount({ api, call: ask }: Person): Promise<Record<string, string>> {
  const topped = await topUp(owner, 5_000);
  const { data: method } = await api.POST('/v1/wallet/payment-methods', { body: { token: 'pm_card_visa' } });
  const subscription = (await subscribe(owner, planId)).body.id;
  await awaitStatus(owner, subscription, 'active');
  const first = (path: string): Promise<string> =>
    awaitCondition(async () => (await ask(path)).body.data?.[0]?.id as string | undefined, {
      what: `something in ${path}`,
      timeoutMs: 10_000,
      intervalMs: 50,
    });
  const hasSessions = operations.some(({ path }) => path.startsWith('/v1/auth/sessions/'));
  return {
    '/v1/subscriptions/': subscription,
    '/v1/wallet/top-ups/': topped.body.id,
    '/v1/wallet/payment-methods/': method?.id ?? '',
    '/v1/wallet/transactions/': await first('/wallet/transactions'),
    '/v1/notifications/': await first('/notifications'),
    ...(hasSessions && { '/v1/auth/sessions/': await first('/auth/sessions') }),
  };
}

/** The id of the owner's that a route of an account is asked with. */
function idFor({ name, path }: Operation): string {
  const prefix = Object.keys(owned).find((start) => path.startsWith(start));
  if (!prefix || !owned[prefix]) throw new Error(`no example resource for route ${name}: add one to fillAccount`);
  return owned[prefix];
}

/** A request that is right in every way but, perhaps, for who sends it. */
async function ask(operation: Operation, token: string | undefined, id: string): Promise<Answer> {
  const { method, path, parameters = [], body } = operation;
  const query = new URLSearchParams();
  for (const { name, in: place, required, schema } of parameters) {
    if (place === 'query' && required) query.set(name, name === 'planId' ? planId : String(exampleOf(schema, schemas)));
  }
  const example = body && (exampleOf(body, schemas) as Record<string, unknown>);
  return call(`${stack.baseUrl}${path.replaceAll(/\{[^}]+\}/g, id)}?${query}`, {
    method,
    token,
    key: newKey(),
    ...(example && { body: 'planId' in example ? { ...example, planId } : example }),
  });
}

function expectRefusal(operation: Operation, answer: Answer, status: number, code: string): void {
  expect({ operation: operation.name, status: answer.status, code: answer.body.code }).toEqual({
    operation: operation.name,
    status,
    code,
  });
  expect(undocumented(operation, answer)).toBeUndefined();
}

const A_UUID = '01936f4e-6c1a-7d3b-8a53-3f0c5f2b9d10';
const ofAccount = () =>
  operations.filter(({ access, pathParameters }) => access === 'user' && pathParameters.length > 0);

test('what is open is what strangers need, and nothing else', () => {
  const open = operations.filter(({ access }) => access === 'open').map(({ name }) => name);
  expect(open.sort()).toEqual([
    'GET /.well-known/jwks.json',
    'GET /v1/plans',
    'GET /v1/plans/{id}',
    'GET /v1/plans/{id}/versions',
    'POST /v1/auth/login',
    'POST /v1/auth/logout',
    'POST /v1/auth/refresh',
    'POST /v1/auth/register',
  ]);
});

test('whoever shows no access token, or none that counts, is answered 401 everywhere else', async () => {
  const closed = operations.filter(({ access }) => access !== 'open');
  expect(closed.length).toBeGreaterThan(30);
  for (const operation of closed) {
    for (const token of [undefined, 'no.such.token', owner.token.slice(0, -8)]) {
      expectRefusal(operation, await ask(operation, token, A_UUID), 401, 'unauthenticated');
    }
  }
});

test('a customer is answered 403 on every route of operators, whosever id is in it', async () => {
  const forOperators = operations.filter(({ access }) => access === 'operator');
  expect(forOperators.length).toBeGreaterThan(8);
  for (const operation of forOperators) {
    for (const id of [owner.id, A_UUID, ...Object.values(owned)]) {
      expectRefusal(operation, await ask(operation, owner.token, id), 403, 'forbidden');
    }
  }
});

test('what is somebody else’s answers 404, as if it were not there; the owner gets in', async () => {
  expect(ofAccount().length).toBeGreaterThan(10);
  // What changes things comes after what reads them, and what takes them away last.
  const order = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
  const inOrder = ofAccount().sort((a, b) => order.indexOf(a.method) - order.indexOf(b.method));
  for (const operation of inOrder) {
    const id = idFor(operation);
    const theirs = await ask(operation, stranger.token, id);
    expectRefusal(operation, theirs, 404, 'not_found');
    // An operator has routes of its own, which say who did it.
    expectRefusal(operation, await ask(operation, operator.token, id), 404, 'not_found');
    const nobodys = await ask(operation, stranger.token, A_UUID);
    expect(withoutIds(theirs.body, id)).toEqual(withoutIds(nobodys.body, A_UUID));
    const own = await ask(operation, owner.token, id);
    expect({ operation: operation.name, refused: [401, 403, 404].includes(own.status) }).toEqual({
      operation: operation.name,
      refused: false,
    });
    expect(undocumented(operation, own)).toBeUndefined();
  }
});

const withoutIds = (body: Record<string, unknown>, id: string) => ({
  ...JSON.parse(JSON.stringify(body).replaceAll(id, '<id>')),
  requestId: undefined,
});

test('no list of a stranger holds anything of the owner’s', async () => {
  const lists = operations.filter(
    ({ method, access, pathParameters }) => method === 'GET' && access === 'user' && pathParameters.length === 0,
  );
  expect(lists.length).toBeGreaterThan(5);
  for (const operation of lists) {
    const text = JSON.stringify((await ask(operation, stranger.token, '')).body);
    for (const secret of [owner.id, owner.email, ...Object.values(owned)]) {
      expect({ operation: operation.name, tells: text.includes(secret) }).toEqual({
        operation: operation.name,
        tells: false,
      });
    }
  }
});

test('nobody is taken at their word about who they are, in the query or in the body', async () => {
  const naming = operations.filter(
    ({ access, parameters = [] }) => access === 'user' && parameters.some(({ name }) => name === 'userId'),
  );
  for (const { path } of naming) {
    const answer = await call(`${stack.baseUrl}${path}?userId=${owner.id}`, { token: stranger.token });
    expect({ path, status: answer.status }).toEqual({ path, status: 403 });
  }
  const { error } = await stranger.api.PUT('/v1/wallet/auto-top-up', {
    body: {
      enabled: true,
      currency: 'USD',
      paymentMethodId: owned['/v1/wallet/payment-methods/'] ?? '',
      threshold: 0,
      amount: 500,
      maxPerDay: 500,
    },
  });
  expect(error?.code).toBe('unknown_payment_method');
});
