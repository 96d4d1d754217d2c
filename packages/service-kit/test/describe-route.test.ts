import { IdempotencyHeaders, IdParams } from '@evergreen/contracts/primitives.ts';
import { ProblemBody } from '@evergreen/contracts/problems.ts';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pino from 'pino';
import { Registry } from 'prom-client';
import { Type } from 'typebox';
import { accessHooks } from '../src/auth.ts';
import { operationIdOf } from '../src/describe-route.ts';
import { buildHttp, type HttpApp } from '../src/http.ts';

let app: HttpApp;
// biome-ignore lint/suspicious/noExplicitAny: any way down the document
let paths: any;

beforeAll(async () => {
  app = await buildHttp({
    service: 'test',
    description: '',
    logger: pino({ level: 'silent' }),
    metrics: new Registry(),
  });
  const access = accessHooks({ verifyToken: () => Promise.reject(new Error()), callers: '' });
  const response = { 200: Type.Object({}), '4xx': ProblemBody };
  app.get('/v1/open', { schema: { summary: 'Open', response } }, async () => ({}));
  app.get(
    '/v1/things/:id',
    { schema: { params: IdParams, response }, onRequest: access.requireUser },
    async () => ({}),
  );
  app.post(
    '/v1/things',
    {
      schema: { headers: IdempotencyHeaders, body: Type.Object({}), response },
      // Among other hooks, as with a limit before it.
      onRequest: [async () => undefined, access.requireOperator],
    },
    async () => ({}),
  );
  app.get('/inside', { schema: { response }, onRequest: access.requireService('wallet') }, async () => ({}));
  await app.ready();
  ({ paths } = JSON.parse(JSON.stringify(app.swagger())));
});
afterAll(() => app?.close());

const codesOf = (path: string, method: string): Record<string, string[]> =>
  Object.fromEntries(
    Object.entries<{ content: Record<string, { schema: { allOf?: { properties: { code: { enum: string[] } } }[] } }> }>(
      paths[path][method].responses,
    ).flatMap(([status, { content }]) => {
      const codes = content['application/problem+json']?.schema.allOf?.[1]?.properties.code.enum;
      return codes ? [[status, codes]] : [];
    }),
  );

const ANYWHERE = { 400: ['malformed_request'], 500: ['internal_error'], 503: ['service_unavailable'] };

test('an open route has no security, and the problems that any route has', () => {
  expect(paths['/v1/open'].get).not.toHaveProperty('security');
  expect(codesOf('/v1/open', 'get')).toEqual(ANYWHERE);
  expect(Object.keys(paths['/v1/open'].get.responses)).toEqual(['200', '400', '500', '503']);
});

test('a route of users is closed by its hook, though its schema does not say so', () => {
  expect(paths['/v1/things/{id}'].get).toMatchObject({ operationId: 'getThingsById', security: [{ accessToken: [] }] });
  expect(codesOf('/v1/things/{id}', 'get')).toEqual({
    ...ANYWHERE,
    400: ['malformed_request', 'validation_failed'],
    401: ['unauthenticated'],
    404: ['not_found'],
  });
});

test('a route of operators says so, and what its body and its key may be refused for', () => {
  const { post } = paths['/v1/things'];
  expect(post).toMatchObject({ 'x-required-role': 'operator', security: [{ accessToken: [] }] });
  expect(post.parameters).toMatchObject([{ name: 'idempotency-key', in: 'header', required: true }]);
  expect(codesOf('/v1/things', 'post')).toEqual({
    ...ANYWHERE,
    400: ['malformed_request', 'validation_failed', 'idempotency_key_missing'],
    401: ['unauthenticated'],
    403: ['forbidden'],
    409: ['idempotency_key_in_use'],
    413: ['payload_too_large'],
    415: ['unsupported_media_type'],
    422: ['idempotency_key_reused'],
  });
});

test('a route between services takes their credential', () => {
  expect(paths['/inside'].get.security).toEqual([{ service: [] }]);
});

test.each([
  ['GET', '/v1/wallet/top-ups', 'getWalletTopUps'],
  ['POST', '/v1/wallets/:userId/refunds', 'postWalletsByUserIdRefunds'],
  ['GET', '/.well-known/jwks.json', 'getWellKnownJwksJson'],
])('%s %s is %s', (method, url, id) => {
  expect(operationIdOf(method, url)).toBe(id);
});
