import { once } from 'node:events';
import { Agent, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { ProblemBody } from '@evergreen/contracts/problems.ts';
import { awaitCondition } from '@evergreen/stack/await-condition.ts';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import pino from 'pino';
import { Registry } from 'prom-client';
import { Type } from 'typebox';
import { buildHttp, type HttpApp, MAX_BODY_BYTES } from '../src/http.ts';
import { Problem } from '../src/problem.ts';
import { compile } from '../src/validation.ts';

let app: HttpApp;
let logLines: string[];
const isProblem = compile(ProblemBody);

beforeEach(async () => {
  logLines = [];
  const logger = pino({ level: 'info' }, { write: (line: string) => logLines.push(line) });
  app = await buildHttp({ service: 'test', description: 'For the tests', logger, metrics: new Registry() });
  const Body = Type.Object(
    {
      amount: Type.Integer({ minimum: 1 }),
      currency: Type.Enum(['USD', 'EUR']),
      plan: Type.Optional(Type.Object({ name: Type.String({ maxLength: 5 }) }, { additionalProperties: false })),
    },
    { additionalProperties: false },
  );
  const Query = Type.Object({ limit: Type.Integer({ maximum: 100, default: 20 }) }, { additionalProperties: false });
  const Params = Type.Object({ id: Type.String({ format: 'uuid' }) });
  app.post('/orders', { schema: { body: Body } }, async (request) => request.body);
  app.get('/orders', { schema: { querystring: Query } }, async (request) => request.query);
  app.get('/orders/:id', { schema: { params: Params } }, async (request) => request.params);
  app.get('/broken', async () => {
    throw new Error('SELECT secret FROM table');
  });
  app.get('/declared', async () => {
    throw Object.assign(new Error('password=hunter2'), { statusCode: 502 });
  });
  app.get('/plugin/:status', async ({ params }) => {
    const statusCode = Number((params as { status: string }).status);
    throw Object.assign(new Error('/srv/inside.json'), { statusCode });
  });
  app.get('/own-bug', async () => JSON.parse('secret'));
  app.get('/busy', async () => {
    throw new Problem('rate_limited', 'Ten log-ins are enough', { retryAfterSeconds: 7 });
  });
});
afterEach(() => app.close());

interface Sent {
  method?: 'GET' | 'POST';
  payload?: string;
  headers?: Record<string, string>;
}

/** Asks, and holds every refusal against the schema that the API document promises. */
async function ask(url: string, { method = 'GET', payload, headers = {} }: Sent = {}) {
  const response = await app.inject({ method, url, headers, ...(payload !== undefined && { payload }) });
  const body = response.json();
  if (response.statusCode >= 400) {
    expect(response.headers['content-type']).toMatch(/^application\/problem\+json\b/);
    expect({ valid: isProblem(body), errors: isProblem.errors }).toEqual({ valid: true, errors: null });
    expect(body).toMatchObject({ status: response.statusCode, requestId: response.headers['x-request-id'] });
  }
  return { status: response.statusCode, headers: response.headers, body };
}

const order = (body: unknown) =>
  ask('/orders', { method: 'POST', payload: JSON.stringify(body), headers: { 'content-type': 'application/json' } });

const NON_TEXT = 'must be text that can be kept: without U+0000 and halves of characters';
const GOOD = { amount: 5, currency: 'USD' };

test.each([
  ['a missing field', {}, 'body.amount', 'is required'],
  ['a number as text', { ...GOOD, amount: '5' }, 'body.amount', 'must be integer'],
  ['a fraction', { ...GOOD, amount: 1.5 }, 'body.amount', 'must be integer'],
  ['a number too small', { ...GOOD, amount: 0 }, 'body.amount', 'must be >= 1'],
  ['U+0000', { ...GOOD, plan: { name: 'a\u0000b' } }, 'body.plan.name', NON_TEXT],
  ['half a character', { ...GOOD, plan: { name: '\ud800' } }, 'body.plan.name', NON_TEXT],
  ['a value outside a list', { ...GOOD, currency: 'XXX' }, 'body.currency', 'must be one of USD, EUR'],
  ['an unknown field', { ...GOOD, colour: 'red' }, 'body.colour', 'is not a known field'],
  [
    'a field deep inside',
    { ...GOOD, plan: { name: 'too long' } },
    'body.plan.name',
    'must NOT have more than 5 characters',
  ],
  ['an unknown field deep inside', { ...GOOD, plan: { name: 'x', by: 1 } }, 'body.plan.by', 'is not a known field'],
  ['a list for an object', [], 'body', 'must be object'],
  ['null for an object', null, 'body', 'must be object'],
])('%s is refused, and the field is named', async (_what, body, field, message) => {
  expect(await order(body)).toMatchObject({
    status: 400,
    body: {
      type: 'urn:evergreen:problem:validation_failed',
      code: 'validation_failed',
      errors: [{ field, message }],
      instance: '/orders',
    },
  });
});

test('query and path are named as such, and their numbers are read from text', async () => {
  expect((await ask('/orders')).body).toEqual({ limit: 20 });
  expect((await ask('/orders?limit=7')).body).toEqual({ limit: 7 });
  expect((await ask('/orders?limit=many')).body.errors).toEqual([{ field: 'query.limit', message: 'must be integer' }]);
  expect((await ask('/orders?offset=1')).body.errors).toEqual([
    { field: 'query.offset', message: 'is not a known field' },
  ]);
  expect((await ask('/orders/seven')).body.errors).toMatchObject([{ field: 'params.id' }]);
});

test.each([
  ['JSON that is none', 'application/json', '{"amount": 5,', 'malformed_request', 400],
  ['an empty JSON body, where one is needed', 'application/json', '', 'validation_failed', 400],
  ['a prototype in disguise', 'application/json', '{"__proto__": {"admin": true}}', 'malformed_request', 400],
  ['a form', 'application/x-www-form-urlencoded', 'amount=5', 'unsupported_media_type', 415],
  ['XML', 'application/xml', '<amount>5</amount>', 'unsupported_media_type', 415],
  ['plain text', 'text/plain', '5', 'unsupported_media_type', 415],
  ['a content type that is none', 'five', '{}', 'unsupported_media_type', 415],
])('%s is refused', async (_what, contentType, payload, code, status) => {
  const answer = await ask('/orders', { method: 'POST', payload, headers: { 'content-type': contentType } });
  expect(answer).toMatchObject({ status, body: { code } });
});

test('a body is refused at the limit, whatever is in it', async () => {
  const filler = (bytes: number) => ({ ...GOOD, plan: { name: 'x'.repeat(bytes) } });
  const overhead = JSON.stringify(filler(0)).length;
  expect((await order(filler(MAX_BODY_BYTES - overhead))).body.code).toBe('validation_failed');
  expect(await order(filler(MAX_BODY_BYTES - overhead + 1))).toMatchObject({
    status: 413,
    body: { code: 'payload_too_large' },
  });
});

test('a body without a length is cut off at the limit too', async () => {
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const answer = await new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' };
    const sending = httpRequest({ port, host: '127.0.0.1', path: '/orders', method: 'POST', headers }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode, text }));
    });
    sending.on('error', reject);
    sending.write(`"${'x'.repeat(MAX_BODY_BYTES)}`);
  });
  expect({ status: answer.status, code: JSON.parse(answer.text).code }).toEqual({
    status: 413,
    code: 'payload_too_large',
  });
});

test.each(['/nothing', '/Orders', '/orders/1/2', `/${'a'.repeat(5_000)}`])('%.20s is not found', async (url) => {
  expect(await ask(url)).toMatchObject({ status: 404, body: { code: 'not_found' } });
});

test('a path is told back without its query, where people put secrets', async () => {
  const { body } = await ask('/nothing?token=secret');
  expect(body.instance).toBe('/nothing');
  expect(JSON.stringify(body) + logLines.join('')).not.toContain('secret');
});

test.each(['/orders/%zz', '/orders/%', '/%c0%af'])('the bad escape in %s is refused', async (url) => {
  expect(await ask(url)).toMatchObject({ status: 400, body: { code: 'malformed_request' } });
});

test('what is longer than any id is not found', async () => {
  expect(await ask(`/orders/${'a'.repeat(2_000)}`)).toMatchObject({ status: 404, body: { code: 'not_found' } });
});

test.each([
  [400, 400, 'malformed_request'],
  [403, 400, 'malformed_request'],
  [404, 404, 'not_found'],
  [413, 413, 'payload_too_large'],
  [414, 404, 'not_found'],
  [415, 415, 'unsupported_media_type'],
  [499, 400, 'malformed_request'],
  [500, 500, 'internal_error'],
  [399, 500, 'internal_error'],
])("a plugin's error of status %i becomes a %i %s, and does not say what is inside", async (given, status, code) => {
  const answer = await ask(`/plugin/${given}`);
  expect(answer).toMatchObject({ status, body: { code } });
  expect(JSON.stringify(answer.body)).not.toContain('inside');
});

test.each(['/broken', '/declared', '/own-bug'])(
  '%s: what went wrong on our side is logged and not told',
  async (url) => {
    const { status, body } = await ask(url);
    expect({ status, code: body.code, detail: body.detail }).toEqual({
      status: 500,
      code: 'internal_error',
      detail: undefined,
    });
    expect(JSON.stringify(body)).not.toMatch(/secret|hunter2|stack|Unexpected token/);
    const logged = logLines.map((line) => JSON.parse(line)).find(({ msg }) => msg === 'request failed');
    expect(logged).toMatchObject({ reqId: body.requestId, err: { message: expect.stringMatching(/secret|hunter2/) } });
  },
);

test('a refusal that ends by itself says when', async () => {
  const { headers, body } = await ask('/busy');
  expect({ retryAfter: headers['retry-after'], code: body.code, detail: body.detail }).toEqual({
    retryAfter: '7',
    code: 'rate_limited',
    detail: 'Ten log-ins are enough',
  });
});

test('an app for strangers takes no request id over', async () => {
  const logger = pino({ level: 'silent' });
  const metrics = new Registry();
  const open = await buildHttp({ service: 'test', description: '', logger, metrics, trustCallerIds: false });
  const { headers } = await open.inject({ url: '/health/live', headers: { 'x-request-id': 'abc-DEF_123' } });
  expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  await open.close();
});

test('a request id is taken over', async () => {
  expect((await ask('/orders', { headers: { 'x-request-id': 'abc-DEF_123' } })).headers['x-request-id']).toBe(
    'abc-DEF_123',
  );
});

test.each([
  'short',
  'a'.repeat(65),
  'with blanks in',
  '{"level":60}',
  'line\u2028break',
  '../../etc',
  '%0d%0aSet-Cookie:x',
])('the request id %j is replaced', async (given) => {
  const { headers } = await ask('/orders', { headers: { 'x-request-id': given } });
  expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  expect(logLines.join('')).not.toContain(JSON.stringify(given).slice(1, -1));
});

test('what is no HTTP gets a problem, and the next client is served', async () => {
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const answer = await new Promise<string>((resolve, reject) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.write('HELO mail\r\n\r\n'));
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
  });
  expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject({ code: 'malformed_request', status: 400 });
  expect((await fetch(`http://127.0.0.1:${port}/health/live`)).status).toBe(200);
});

test('a client that speaks no HTTP and never closes its side is closed all the same', async () => {
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const connections = () => {
    const { promise, resolve } = Promise.withResolvers<number>();
    app.server.getConnections((_error, count) => resolve(count));
    return promise;
  };
  const sockets = Array.from({ length: 20 }, () => connect({ port, host: '127.0.0.1', allowHalfOpen: true }));
  for (const socket of sockets) {
    socket.on('error', () => socket.destroy());
    socket.resume().write('HELO mail\r\n\r\n');
  }
  await Promise.all(sockets.map((socket) => once(socket, 'end')));
  await awaitCondition(async () => ((await connections()) === 0 ? true : undefined), {
    what: 'all to be closed',
    timeoutMs: 3_000,
    intervalMs: 20,
  });
  for (const socket of sockets) socket.destroy();
});

test('an app for the public has health and no internals', async () => {
  const metrics = new Registry();
  const logger = pino({ level: 'silent' });
  const open = await buildHttp({ service: 'test', description: '', logger, metrics, internalRoutes: false });
  const statuses = ['/health/live', '/health/ready', '/metrics', '/openapi.json'].map(
    async (url) => (await open.inject({ url })).statusCode,
  );
  expect(await Promise.all(statuses)).toEqual([200, 200, 404, 404]);
  await open.close();
});

test('ready means that everything needed answers, in time', async () => {
  let isThere = true;
  const never = Promise.withResolvers<void>();
  const ready = { database: () => (isThere ? undefined : never.promise), broker: () => undefined };
  const logger = pino({ level: 'silent' });
  const service = await buildHttp({ service: 'test', description: '', logger, metrics: new Registry(), ready });
  const check = async () => {
    const { statusCode, body } = await service.inject({ url: '/health/ready' });
    return { statusCode, ...JSON.parse(body) };
  };
  expect(await check()).toEqual({ statusCode: 200, status: 'ok', checks: { database: 'ok', broker: 'ok' } });
  isThere = false;
  const down = await awaitCondition(
    async () => {
      const answer = await check();
      return answer.statusCode === 503 ? answer : undefined;
    },
    { what: 'not ready', timeoutMs: 5_000, intervalMs: 20 },
  );
  expect(down).toEqual({ statusCode: 503, status: 'unavailable', checks: { database: 'down', broker: 'ok' } });
  await service.close();
});

test('however many ask whether it is ready, one check is under way, and its answer holds for a second', async () => {
  const checkedAtMs: number[] = [];
  const gate = Promise.withResolvers<void>();
  const ready = {
    database: () => {
      checkedAtMs.push(performance.now());
      return gate.promise;
    },
  };
  const logger = pino({ level: 'silent' });
  const service = await buildHttp({ service: 'test', description: '', logger, metrics: new Registry(), ready });
  const ask = async () => (await service.inject({ url: '/health/ready' })).statusCode;
  const together = Array.from({ length: 200 }, ask);
  const first = async () => checkedAtMs.length || undefined;
  await awaitCondition(first, { what: 'the check', timeoutMs: 2_000, intervalMs: 5 });
  const answeredAtMs = performance.now();
  gate.resolve();
  expect(new Set(await Promise.all(together))).toEqual(new Set([200]));
  const again = async () => {
    await ask();
    return checkedAtMs[1];
  };
  await awaitCondition(again, { what: 'another check', timeoutMs: 5_000, intervalMs: 20 });
  // Timers may be a millisecond early.
  expect((checkedAtMs[1] ?? 0) - answeredAtMs).toBeGreaterThan(990);
  await service.close();
});

test('a request in hand is answered when the app closes, and its connection does not keep it from closing', async () => {
  const logger = pino({ level: 'silent' });
  const slow = await buildHttp({ service: 'test', description: '', logger, metrics: new Registry() });
  const [arrived, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  slow.get('/slow', async () => {
    arrived.resolve();
    await released.promise;
    return { done: true };
  });
  await slow.listen({ host: '127.0.0.1', port: 0 });
  const { port } = slow.server.address() as AddressInfo;
  // A client that keeps its connection for as long as it may.
  const agent = new Agent({ keepAlive: true });
  const asking = httpRequest({ host: '127.0.0.1', port, path: '/slow', agent }).end();
  const answered = once(asking, 'response');
  await arrived.promise;
  const closing = slow.close();
  const isClosing = async () => (slow.server.listening ? undefined : true);
  await awaitCondition(isClosing, { timeoutMs: 5_000, intervalMs: 5, what: 'the server to close its port' });
  released.resolve();
  const [response] = await answered;
  expect(response.statusCode).toBe(200);
  response.resume();
  const startedAt = performance.now();
  await closing;
  expect(performance.now() - startedAt).toBeLessThan(3_000);
  agent.destroy();
}, 20_000);
