import { Problem } from '@evergreen/service-kit/problem.ts';
import { SECRET_MARKER } from '@evergreen/stack/secret-search.ts';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startAuth } from './auth-process.ts';
import { type Edge, type KitService, openEdge, startKitService, until } from './rig.ts';

const PASSWORD = `${SECRET_MARKER}a-long-sentence-is-best`;
const JSON_TYPE = { 'content-type': 'application/json' };
let auth: Awaited<ReturnType<typeof startAuth>>;
let plans: KitService;
let edge: Edge;

beforeAll(async () => {
  auth = await startAuth();
  plans = await startKitService((app) => {
    // Says what reached it.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    app.all('/v1/plans/echo', async ({ method, url, headers, body }) => ({
      method,
      url,
      headers,
      body: body === undefined ? null : (body as Buffer).toString('base64'),
    }));
    app.get('/v1/plans/old', async (_request, reply) =>
      reply.header('connection', 'x-hop').header('x-hop', '1').header('keep-alive', 'timeout=5').send({}),
    );
    app.get('/v1/plans/refused', async () => {
      throw new Problem('plan_not_available');
    });
    app.get('/internal/secret', async () => 'thoughts');
  });
  edge = await openEdge({ auth: auth.url, subscriptions: plans.url });
});
afterAll(async () => {
  await edge?.close();
  await plans?.app.close();
  await auth?.stop();
});

async function register(email: string, refreshTokenIn: 'cookie' | 'body' = 'body') {
  const body = JSON.stringify({ email, password: PASSWORD, refreshTokenIn });
  return edge.ask('/v1/auth/register', { method: 'POST', headers: JSON_TYPE, body });
}

test('a person gets in through the edge, and the cookie works', async () => {
  const registered = await register('ada@evergreen.test', 'cookie');
  expect(registered.status).toBe(201);
  const cookie = registered.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
  const refreshed = await edge.ask('/v1/auth/refresh', { method: 'POST', headers: { cookie } });
  expect(refreshed.status).toBe(200);
  const { user, accessToken } = refreshed.json();
  const me = await edge.ask('/v1/auth/me', { headers: { authorization: `Bearer ${accessToken}` } });
  expect(me.json()).toEqual(user);
  expect((await edge.ask('/v1/auth/me')).json()).toMatchObject({ code: 'unauthenticated', instance: '/v1/auth/me' });
});

test('keys may be cached, and what says nothing of caches may not', async () => {
  expect((await edge.ask('/.well-known/jwks.json')).headers['cache-control']).toBe('public, max-age=300');
  expect((await edge.ask('/v1/plans/echo')).headers['cache-control']).toBe('no-store');
});

const INSIDE = [
  '/v1/walletx',
  '/v1/authx/me',
  '/v1',
  '/V1/auth/me',
  '//v1/auth/me',
  '/internal/activity',
  '/internal/secret',
  '/metrics',
  '/payments',
  '/v1/auth/../../internal/activity',
  '/v1/auth/../../metrics',
  '/v1/auth/%2e%2e/%2e%2e/metrics',
  '/v1/auth/..%2f..%2fmetrics',
  '/v1/auth/%2e%2e%2f%2e%2e%2fmetrics',
  '/v1/auth/%252e%252e/%252e%252e/metrics',
  '/v1/auth/..\\..\\metrics',
  '/v1/auth/..%5c..%5cmetrics',
  '/v1/auth/..;/..;/metrics',
  '/v1/auth/%00/../../metrics',
  '/v1/plans/../../internal/secret',
  '/v1/plans/%2e%2e/%2e%2e/internal/secret',
  'http://127.0.0.1/metrics',
  'http://127.0.0.1/v1/auth/../../metrics',
];

test.each(INSIDE)('%s leads nowhere', async (path) => {
  const answer = await edge.ask(path);
  expect([400, 404]).toContain(answer.status);
  expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(answer.text).not.toMatch(/process_cpu|outbox|thoughts/);
});

test('what a client says of itself in headers for the edge to say does not pass', async () => {
  const { headers } = (
    await edge.ask('/v1/plans/echo', {
      headers: {
        forwarded: 'for=10.0.0.1',
        'x-forwarded-for': '10.0.0.1',
        'x-forwarded-host': 'evil.test',
        'x-forwarded-proto': 'https',
        'x-real-ip': '10.0.0.1',
        'x-user-id': 'somebody',
        'x-user-role': 'operator',
        connection: 'keep-alive, x-secret-hop',
        'x-secret-hop': '1',
        'keep-alive': 'timeout=99',
        te: 'trailers',
        'proxy-authorization': 'Basic x',
        'x-kept': 'yes',
        authorization: 'Bearer kept',
        'idempotency-key': 'kept',
        cookie: '__Host-evergreen_refresh=for-auth-alone',
      },
    })
  ).json();
  expect(headers).toEqual({
    host: plans.url.host,
    connection: 'keep-alive',
    'x-forwarded-for': '127.0.0.1',
    'x-forwarded-proto': 'http',
    'x-request-id': expect.stringMatching(/^[0-9a-f-]{36}$/),
    'x-kept': 'yes',
    authorization: 'Bearer kept',
    'idempotency-key': 'kept',
  });
});

test.each(['request-of-the-test', '{"level":60}'])(
  'one request id of the edge goes all the way, and not %s',
  async (sent) => {
    const answer = await edge.ask('/v1/plans/echo', { headers: { 'x-request-id': sent } });
    expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(answer.json().headers['x-request-id']).toBe(answer.headers['x-request-id']);
  },
);

test('headers about the connection to a service end there', async () => {
  const { headers } = await edge.ask('/v1/plans/old');
  expect(headers).not.toHaveProperty('x-hop');
  expect(headers['keep-alive']).not.toBe('timeout=5');
});

test('a refusal of a service passes as it is', async () => {
  const answer = await edge.ask('/v1/plans/refused');
  expect({ status: answer.status, code: answer.json().code }).toEqual({ status: 409, code: 'plan_not_available' });
});

test.each<[string, string, Record<string, string>, string | undefined, object]>([
  ['a query', 'GET', {}, undefined, { url: '/v1/plans/echo?a=1&a=2&b=%20%2F', body: null }],
  ['JSON, to the byte', 'POST', JSON_TYPE, '{ "a": "\u00e9\u{1F333}",  "b":1.0 }', { method: 'POST' }],
  ['JSON with a charset', 'PUT', { 'content-type': 'application/json; charset=utf-8' }, '{}', { method: 'PUT' }],
  ['a body that says nothing of itself', 'POST', {}, 'bytes', {}],
  ['a chunked body', 'POST', { ...JSON_TYPE, 'transfer-encoding': 'chunked' }, '{"a":1}', {}],
  ['no body', 'POST', {}, undefined, { body: null }],
  ['a DELETE with a body', 'DELETE', { ...JSON_TYPE, 'content-length': '7' }, '{"a":1}', {}],
  ['an Expect header', 'POST', { ...JSON_TYPE, expect: '100-continue' }, '{}', {}],
])('%s reaches the service', async (_what, method, headers, body, expected) => {
  const answer = await edge.ask('/v1/plans/echo?a=1&a=2&b=%20%2F', {
    method,
    headers,
    ...(body !== undefined && { body }),
  });
  expect(answer.status).toBe(200);
  const echoed = answer.json();
  expect(echoed).toMatchObject({
    ...(body !== undefined && { body: Buffer.from(body).toString('base64') }),
    ...expected,
  });
  if (headers['content-type']) expect(echoed.headers['content-type']).toBe(headers['content-type']);
});

test('a GET with a body works, without its body', async () => {
  const answer = await edge.ask('/v1/plans/echo', { headers: { ...JSON_TYPE, 'content-length': '2' }, body: '{}' });
  expect(answer.json()).toMatchObject({ method: 'GET', body: null });
});

test('HEAD is answered as GET without its body', async () => {
  const { status, text } = await edge.ask('/v1/auth/me', { method: 'HEAD' });
  expect({ status, text }).toEqual({ status: 401, text: '' });
  const jwks = await edge.ask('/.well-known/jwks.json', { method: 'HEAD' });
  expect({ status: jwks.status, text: jwks.text }).toEqual({ status: 200, text: '' });
});

test('a body above the limit ends at the edge, with a length and without', async () => {
  const body = `{"email":"${'x'.repeat(70_000)}"}`;
  const options = { method: 'POST', headers: JSON_TYPE, body };
  expect((await edge.ask('/v1/auth/register', options)).json()).toMatchObject({
    status: 413,
    code: 'payload_too_large',
  });
  const chunked = { ...options, headers: { ...JSON_TYPE, 'transfer-encoding': 'chunked' } };
  expect((await edge.ask('/v1/auth/register', chunked)).json()).toMatchObject({
    status: 413,
    code: 'payload_too_large',
  });
});

test('a bad escape is refused, and so is what asks for another protocol on an ordinary route', async () => {
  expect((await edge.ask('/v1/auth/%zz')).json()).toMatchObject({ status: 400, code: 'malformed_request' });
  const upgrade = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-key': 'eA==',
    'sec-websocket-version': '13',
  };
  expect((await edge.ask('/v1/plans/echo', { headers: upgrade })).json().headers).not.toHaveProperty('upgrade');
  const h2c = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQCAAAAAAIAAAAA' };
  const answer = await edge.ask('/v1/plans/echo', { method: 'POST', headers: { ...h2c, ...JSON_TYPE }, body: '{}' });
  expect(answer.json()).toMatchObject({ method: 'POST', body: Buffer.from('{}').toString('base64') });
  expect(answer.json().headers).not.toHaveProperty('http2-settings');
});

test('every answer carries the security headers, also what the framework refuses by itself', async () => {
  for (const path of ['/v1/plans/echo', '/v1/auth/me', '/nothing', '/openapi.json', '/v1/plans/%ff', '/health/live']) {
    const { headers } = await edge.ask(path);
    expect(headers).toMatchObject({
      'content-security-policy': "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'permissions-policy': expect.stringContaining('camera=()'),
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
    });
    expect(headers).not.toHaveProperty('strict-transport-security');
    expect(headers).not.toHaveProperty('x-powered-by');
  }
});

test('a path that cannot be read is refused without its query, where people put secrets', async () => {
  const answer = await edge.ask('/v1/plans/%ff?token=secret');
  expect({ status: answer.status, tells: answer.text.includes('secret') }).toEqual({ status: 400, tells: false });
});

test('a proxy in front is believed when it is named, and only then', async () => {
  const headers = { 'x-forwarded-for': '203.0.113.7, 198.51.100.9', 'x-forwarded-proto': 'https' };
  const behind = await openEdge({ subscriptions: plans.url }, { frontProxies: ['127.0.0.0/8'] });
  try {
    const answer = await behind.ask('/v1/plans/echo', { headers });
    // What stands before the last address is what the client said to the proxy.
    expect(answer.json().headers).toMatchObject({ 'x-forwarded-for': '198.51.100.9', 'x-forwarded-proto': 'https' });
    expect(answer.headers['strict-transport-security']).toBe('max-age=31536000; includeSubDomains');
    const toldOf = async (said: string) =>
      (await behind.ask('/v1/plans/echo', { headers: { 'x-forwarded-for': said } })).json().headers['x-forwarded-for'];
    expect(await toldOf('6.6.6.6, 203.0.113.9:51234')).toBe('203.0.113.9');
    expect(await toldOf('6.6.6.6, [2001:db8::1]')).toBe('2001:db8::1');
    expect(await toldOf('6.6.6.6, unknown')).toBe('127.0.0.1');
    const plain = await behind.ask('/v1/plans/echo', { headers: { 'x-forwarded-proto': 'http' } });
    expect(plain.headers).not.toHaveProperty('strict-transport-security');
  } finally {
    await behind.close();
  }
  const answer = await edge.ask('/v1/plans/echo', { headers });
  expect(answer.json().headers).toMatchObject({ 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http' });
  expect(answer.headers).not.toHaveProperty('strict-transport-security');
});

test('a service that is killed is missed on its own routes alone, and found again', async () => {
  await auth.killAndAwait(async () => {
    await until('the 503', async () => (await edge.ask('/v1/auth/me')).status === 503);
    const answer = await edge.ask('/v1/auth/me');
    expect(answer.json()).toMatchObject({ code: 'service_unavailable', instance: '/v1/auth/me' });
    expect(answer.headers['retry-after']).toBe('2');
    expect((await edge.ask('/v1/plans/echo')).status).toBe(200);
  });
  expect((await register('grace@evergreen.test')).status).toBe(201);
});
