import { exampleOf } from '@evergreen/edge/src/example.ts';
import type { TestStack } from '@evergreen/stack/testing.ts';
import { beforeAll, expect, test } from '@jest/globals';
import { type Answer, type CallOptions, call, newKey } from '../../src/api.ts';
import { type Operation, operationsOf, readApiDocument } from '../../src/api-document.ts';
import { oneStack } from '../../src/one-stack.ts';
import { newCustomer, newOperator, type Person } from '../../src/people.ts';

let stack: TestStack;
let people: Person[];
let operations: Operation[];

beforeAll(async () => {
  stack = oneStack();
  people = [await newCustomer(stack), await newOperator(stack)];
  operations = operationsOf(await readApiDocument(stack.baseUrl));
}, 60_000);

const A_UUID = '01936f4e-6c1a-7d3b-8a53-3f0c5f2b9d10';

/** Sends it as the customer, and as the operator where the customer may not. */
async function send({ method, path, parameters = [] }: Operation, options: CallOptions, id = A_UUID): Promise<Answer> {
  const required = parameters.filter((one) => one.in === 'query' && one.required);
  const query = new URLSearchParams(required.map(({ name, schema }) => [name, String(exampleOf(schema))]));
  let answer: Answer | undefined;
  for (const { token } of people) {
    const url = `${stack.baseUrl}${path.replaceAll(/\{[^}]+\}/g, id)}?${query}`;
    answer = await call(url, { method, token, key: newKey(), ...options });
    if (answer.status !== 403) return answer;
  }
  return answer as Answer;
}

function expectProblem(answer: Answer, status: number, code: string): void {
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(answer.body).toMatchObject({ status, code, title: expect.any(String), requestId: expect.any(String) });
  expect(answer.status).toBe(status);
}

test('the API document lists the routes of every service', () => {
  const paths = operations.map(({ name }) => name);
  expect(paths).toEqual(
    expect.arrayContaining([
      'POST /v1/auth/register',
      'POST /v1/wallet/top-ups',
      'POST /v1/subscriptions',
      'GET /v1/notifications',
      'PUT /v1/gateway/faults',
    ]),
  );
  expect(paths.filter((name) => name.includes('/internal') || name.includes(' /payments'))).toEqual([]);
});

test('every route that takes a body says what is wrong with it', async () => {
  const taking = operations.filter(({ body }) => body);
  expect(taking.length).toBeGreaterThan(5);
  for (const operation of taking) {
    expectProblem(await send(operation, { rawBody: '{"amount": 1' }), 400, 'malformed_request');
    expectProblem(await send(operation, { rawBody: '[]' }), 400, 'validation_failed');
    expectProblem(
      await send(operation, { rawBody: 'a=1', headers: { 'content-type': 'text/plain' } }),
      415,
      'unsupported_media_type',
    );
    expectProblem(await send(operation, { rawBody: `{"x":"${'y'.repeat(70_000)}"}` }), 413, 'payload_too_large');
    const unknown = await send(operation, { body: { surprise: 1 } });
    expectProblem(unknown, 400, 'validation_failed');
    const fields = unknown.body.errors.map(({ field }: { field: string }) => field);
    // An optional body is one of two things, and then the body as a whole is named too.
    const known = [...(operation.body?.required ?? []).map((field) => `body.${field}`), 'body.surprise', 'body'];
    expect(known).toEqual(expect.arrayContaining(fields));
    expect(fields.some((field: string) => field !== 'body')).toBe(true);
  }
}, 60_000);

test('every route with an id refuses what is no id, and tells nothing about ids that are not there', async () => {
  const withId = operations.filter(({ path, body }) => path.includes('{id}') && !body);
  expect(withId.length).toBeGreaterThan(3);
  for (const operation of withId) {
    for (const id of ['not-a-uuid', `urn:uuid:${A_UUID}`, `%7B${A_UUID}%7D`]) {
      const wrong = await send(operation, {}, id);
      expectProblem(wrong, 400, 'validation_failed');
      expect(wrong.body.errors).toMatchObject([{ field: `params.${operation.pathParameters[0]}` }]);
    }
    expectProblem(await send(operation, {}), 404, 'not_found');
  }
});

test('every route that is not open refuses a request without a token, before it looks at the body', async () => {
  const closed = operations.filter(({ access }) => access !== 'open');
  expect(closed.length).toBeGreaterThan(10);
  for (const operation of closed) {
    expectProblem(
      await send(operation, { token: undefined, ...(operation.body ? { rawBody: '{' } : {}) }),
      401,
      'unauthenticated',
    );
  }
});

test('a path that nobody offers, and one that is not public, is a plain 404', async () => {
  for (const path of [
    '/v1/nothing',
    '/v1/walletx',
    '/internal/activity',
    '/payments',
    '/v1/../internal/activity',
    '/metrics',
  ]) {
    const answer = await call(stack.baseUrl + path, { token: people[0]?.token });
    expectProblem(answer, 404, 'not_found');
  }
});
