import { generateKeyPairSync, type KeyObject, randomBytes, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { awaitCondition } from '@evergreen/stack/await-condition.ts';
import { beforeEach, expect, test } from '@jest/globals';
import jwt from 'jsonwebtoken';
import pino from 'pino';
import { Registry } from 'prom-client';
import { accessHooks, type Jwks, remoteKeys, sameSecret, staticKeys, tokenVerifier } from '../src/auth.ts';
import { buildHttp } from '../src/http.ts';
import { serviceCaller, serviceCallers } from '../src/service-callers.ts';
import { badTokens, type Forgery, forge, type TokenMaterial } from './bad-tokens.ts';

const ISSUER = 'evergreen';
const SERVICE_TOKEN = 'service-token-of-the-tests';
const OTHER_SERVICE_TOKEN = 'another-token-of-the-tests';
const trusted = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const jwkOf = (key: KeyObject, kid: string) => ({ ...key.export({ format: 'jwk' }), kid });
const JWKS: Jwks = { keys: [jwkOf(trusted.publicKey, 'trusted'), jwkOf(rsa.publicKey, 'rsa')] };
const verify = tokenVerifier({ findKey: staticKeys(JWKS), issuer: ISSUER });

const USER_ID = '01936f4e-6c1a-7d3b-8a53-3f0c5f2b9d10';
const nowSeconds = () => Math.floor(Date.now() / 1000);
const goodClaims = () => ({
  iss: ISSUER,
  aud: 'evergreen-api',
  sub: USER_ID,
  role: 'customer',
  zoneinfo: 'Europe/Amsterdam',
  locale: 'nl',
  iat: nowSeconds(),
  exp: nowSeconds() + 600,
  jti: randomUUID(),
});

const MATERIAL: TokenMaterial = {
  kid: 'trusted',
  privateKey: trusted.privateKey,
  claims: goodClaims(),
  refreshToken: randomBytes(32).toString('base64url'),
};
const token = (forgery?: Forgery) => forge(MATERIAL, forgery);

test('a good token says who calls', async () => {
  expect(await verify(token())).toEqual({
    id: USER_ID,
    role: 'customer',
    timeZone: 'Europe/Amsterdam',
    locale: 'nl',
    expiresAt: expect.any(Number),
  });
});

const rs256 = jwt.sign(goodClaims(), rsa.privateKey, {
  algorithm: 'RS256',
  header: { alg: 'RS256', typ: 'at+jwt', kid: 'rsa' },
});

test.each([...badTokens(MATERIAL), ['no token at all', ''], ['RS256 with a key that is published too', rs256]])(
  '%s is refused',
  async (_what, bad) => {
    await expect(verify(bad)).rejects.toMatchObject({
      code: 'unauthenticated',
      // Which check failed is nobody's business.
      message: 'The access token is missing, expired or not valid',
    });
  },
);

/** A JWKS endpoint that counts how often it is asked, and can be broken. */
async function serveJwks() {
  const state = { jwks: JWKS as unknown, status: 200, asked: 0, hangs: false };
  const server = createServer((_request, response) => {
    state.asked++;
    if (state.hangs) return;
    response.writeHead(state.status, { 'content-type': 'application/json' }).end(JSON.stringify(state.jwks));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    state,
    url: `http://127.0.0.1:${port}/jwks.json`,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

test('keys are fetched once, for any number of tokens at once', async () => {
  const { state, url, close } = await serveJwks();
  const remote = tokenVerifier({ findKey: remoteKeys(url), issuer: ISSUER });
  await Promise.all(Array.from({ length: 50 }, () => remote(token())));
  expect(state.asked).toBe(1);
  await close();
});

test('unknown kids make no flood of requests, and known keys count while auth is down', async () => {
  const { state, url, close } = await serveJwks();
  const remote = tokenVerifier({ findKey: remoteKeys(url), issuer: ISSUER });
  await remote(token());
  for (let index = 0; index < 50; index++) {
    await expect(remote(token({ header: { kid: `made-up-${index}` } }))).rejects.toMatchObject({
      code: 'unauthenticated',
    });
  }
  expect(state.asked).toBe(1);
  await close();
  expect((await remote(token())).id).toBe(USER_ID);
});

test('while auth hangs, nobody waits for it who shows a known key', async () => {
  const { state, url, close } = await serveJwks();
  const findKey = remoteKeys(url, { maxAgeMs: 0, minRefreshMs: 0, timeoutMs: 200 });
  expect(await findKey('trusted')).toBeDefined();
  state.hangs = true;
  // Only after it has been waited for once is it known to hang.
  expect(await findKey('trusted')).toBeDefined();
  const asked = state.asked;
  const startedAt = performance.now();
  for (let index = 0; index < 100; index++) expect(await findKey('trusted')).toBeDefined();
  expect(performance.now() - startedAt).toBeLessThan(200);
  // It is asked all the same, and what it says is heard once it answers.
  await awaitCondition(async () => (state.asked > asked ? true : undefined), {
    what: 'auth being asked',
    timeoutMs: 5_000,
  });
  await close();
});

test('without any keys nobody is refused for good: 503', async () => {
  const { state, url, close } = await serveJwks();
  state.status = 500;
  const remote = tokenVerifier({ findKey: remoteKeys(url), issuer: ISSUER });
  await expect(remote(token())).rejects.toMatchObject({ code: 'service_unavailable' });
  await close();
});

let app: Awaited<ReturnType<typeof buildHttp>>;
beforeEach(async () => {
  const logger = pino({ level: 'silent' });
  app = await buildHttp({ service: 'test', description: '', logger, metrics: new Registry() });
  const access = accessHooks({
    verifyToken: verify,
    callers: [serviceCaller('wallet', SERVICE_TOKEN), serviceCaller('notifier', OTHER_SERVICE_TOKEN)].join(','),
  });
  const answer = async (request: { caller: { id: string } }) => ({ id: request.caller.id });
  app.get('/user', { onRequest: access.requireUser }, answer);
  app.get('/operator', { onRequest: access.requireOperator }, answer);
  app.get('/service', { onRequest: access.requireService('wallet') }, async () => ({}));
});

const get = async (url: string, authorization?: string) => {
  const { statusCode } = await app.inject({ url, headers: authorization === undefined ? {} : { authorization } });
  return statusCode;
};

test('each kind of route lets in its own callers alone', async () => {
  const customer = `Bearer ${token()}`;
  const operator = `Bearer ${token({ claims: { role: 'operator' } })}`;
  const service = `Bearer ${SERVICE_TOKEN}`;
  const table = async (authorization?: string) => [
    await get('/user', authorization),
    await get('/operator', authorization),
    await get('/service', authorization),
  ];
  expect(await table()).toEqual([401, 401, 401]);
  expect(await table(customer)).toEqual([200, 403, 401]);
  expect(await table(operator)).toEqual([200, 200, 401]);
  expect(await table(service)).toEqual([401, 401, 200]);
  expect(await table(`Bearer ${OTHER_SERVICE_TOKEN}`)).toEqual([401, 401, 403]);
});

test('a service is known by the hash of its token, may have two tokens, and nobody else is known', () => {
  const [first, second] = [serviceCaller('wallet', 'a-first-token'), serviceCaller('wallet', 'a-second-token')];
  expect(first).not.toContain('a-first-token');
  const identify = serviceCallers(`${first},${second},${serviceCaller('auth', 'a-third-token')}`);
  expect(['a-first-token', 'a-second-token', 'a-third-token'].map(identify)).toEqual(['wallet', 'wallet', 'auth']);
  const hash = first.split(':')[1] ?? '';
  expect(['', 'a-first-toke', 'A-FIRST-TOKEN', hash, first].map(identify)).toEqual(Array(5).fill(undefined));
  expect(serviceCallers('')('')).toBeUndefined();
});

test('only the Bearer scheme counts, and a refusal says so', async () => {
  const good = token();
  expect(await get('/user', `bearer ${good}`)).toBe(200);
  for (const header of [good, `Basic ${good}`, `Bearer  ${good}`, `Bearer ${good} x`, 'Bearer', '']) {
    expect(await get('/user', header)).toBe(401);
  }
  const { headers } = await app.inject({ url: '/user' });
  expect(headers['www-authenticate']).toBe('Bearer');
});

test('secrets of any length can be compared', () => {
  expect(sameSecret('a', 'a')).toBe(true);
  expect(sameSecret('a', 'ab')).toBe(false);
  expect(sameSecret('', 'a')).toBe(false);
});
