import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pino from 'pino';
import { apiDocuments } from '../src/api-document.ts';
import type { ApiDocument } from '../src/assemble.ts';
import { UPSTREAMS, type Upstream } from '../src/route-table.ts';
import { type Edge, type KitService, openEdge, startKitService, until } from './rig.ts';

let services: Record<Upstream, KitService>;
let edge: Edge;

/** Shows paths of all services, its own among them: the edge has to pick. */
const startService = (own: string) =>
  startKitService((app) => {
    for (const url of [
      '/v1/auth/me',
      '/v1/wallet',
      '/v1/walletx',
      '/v1/plans/:id',
      '/v1/operator/metrics',
      '/v1/operator/metricsx',
      '/v1/gateway/faults',
      '/v1/notifications',
      '/payments',
    ]) {
      app.get(url, { schema: { summary: `by ${own}`, security: [{ accessToken: [] }] } }, async () => ({}));
    }
  });

beforeAll(async () => {
  const started = await Promise.all(UPSTREAMS.map(async (name) => [name, await startService(name)] as const));
  services = Object.fromEntries(started) as typeof services;
  edge = await openEdge(Object.fromEntries(started.map(([name, { url }]) => [name, url])));
});
afterAll(async () => {
  await edge?.close();
  await Promise.all(Object.values(services ?? {}).map(({ app }) => app.close()));
});

const parsed = (text: Buffer): ApiDocument => JSON.parse(text.toString());

const summaries = ({ paths }: Pick<ApiDocument, 'paths'>) =>
  Object.fromEntries(Object.entries(paths).map(([path, { get }]) => [path, get?.summary]));

const WHOLE = {
  '/v1/auth/me': 'by auth',
  '/v1/wallet': 'by wallet',
  '/v1/plans/{id}': 'by subscriptions',
  '/v1/operator/metrics': 'by subscriptions',
  '/v1/gateway/faults': 'by gateway',
  '/v1/notifications': 'by notifier',
};

test('the document shows what the edge passes on, each path as its own service tells it', async () => {
  const { status, headers, json } = await edge.ask('/openapi.json');
  expect({ status, type: headers['content-type'] }).toEqual({ status: 200, type: 'application/json; charset=utf-8' });
  expect(json()).toMatchObject({ openapi: '3.1.0', info: { title: 'Evergreen' }, servers: [{ url: '/' }] });
  expect(summaries(json())).toEqual(WHOLE);
  expect(Object.keys(json().components.securitySchemes)).toEqual(['accessToken', 'refreshCookie']);
});

test('the page needs nothing from elsewhere, and may load nothing', async () => {
  expect((await edge.ask('/')).headers.location).toBe('/docs');
  const page = await edge.ask('/docs');
  expect(page.status).toBe(200);
  expect(page.headers['content-security-policy']).toContain("default-src 'none'; script-src 'self';");
  expect(page.headers['content-security-policy']).not.toMatch(/https?:|unsafe-|\*/);
  const links = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link ?? '');
  expect(links.length).toBeGreaterThan(4);
  for (const link of links) {
    expect(link).toMatch(/^\/docs\/static\//);
    expect((await edge.ask(link)).status).toBe(200);
  }
  expect(page.text).not.toMatch(/<script(?![^>]*src=)/);
  expect((await edge.ask('/docs/static/swagger-initializer.js')).text).toContain('validatorUrl: null');
  expect((await edge.ask('/docs/json')).headers.location).toBe('/openapi.json');
});

test('no file beside the page can be had', async () => {
  for (const path of [
    '/docs/static/../package.json',
    '/docs/static/%2e%2e/package.json',
    '/docs/static/..%2fpackage.json',
  ]) {
    expect((await edge.ask(path)).text).not.toContain('"name"');
  }
});

test.each(['/docs/static/%00', '/docs/static/%2e%2e/x', '/docs/static/%2e%2e%2fx', '/docs/static/nothing'])(
  '%s is refused as what it is, and not as a fault of ours',
  async (path) => {
    const answer = await edge.ask(path);
    expect([400, 404]).toContain(answer.status);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(answer.json()).not.toHaveProperty('detail', expect.stringContaining('swagger'));
  },
);

test('one buffer serves all who ask until the next refresh', async () => {
  const upstreams = Object.fromEntries(UPSTREAMS.map((name) => [name, services[name].url])) as Record<Upstream, URL>;
  const read = apiDocuments({ upstreams, logger: pino({ level: 'silent' }), maxAgeMs: 60_000 });
  const [one, other] = await Promise.all([read(), read()]);
  expect(other).toBe(one);
  expect(await read()).toBe(one);
});

test('the whole is ready when all services are; one that is down is named', async () => {
  const up = await edge.ask('/health/ready');
  expect({ status: up.status, ...up.json() }).toMatchObject({
    status: 'ok',
    checks: { auth: 'ok', wallet: 'ok', subscriptions: 'ok', gateway: 'ok', notifier: 'ok' },
  });
  expect(up.status).toBe(200);
  expect((await edge.ask('/health/live')).json()).toEqual({ status: 'ok' });

  await services.gateway.app.close();
  await until('the 503', async () => (await edge.ask('/health/ready')).status === 503);
  const down = await edge.ask('/health/ready');
  expect(down.status).toBe(503);
  expect(down.json().checks).toEqual({
    auth: 'ok',
    wallet: 'ok',
    subscriptions: 'ok',
    gateway: 'down',
    notifier: 'ok',
  });
  expect((await edge.ask('/health/live')).status).toBe(200);
});

test('the part of a service that is down stays as it was, and a part never seen is missing', async () => {
  const gateway = await startService('gateway');
  const upstreams = Object.fromEntries(UPSTREAMS.map((name) => [name, services[name].url])) as Record<Upstream, URL>;
  const logger = pino({ level: 'silent' });
  const read = apiDocuments({ upstreams: { ...upstreams, gateway: gateway.url }, logger, maxAgeMs: 0 });
  const late = apiDocuments({ upstreams: { ...upstreams, gateway: gateway.url }, logger, maxAgeMs: 0 });
  expect(summaries(parsed(await read()))).toEqual(WHOLE);
  await gateway.app.close();
  expect(summaries(parsed(await read()))).toEqual(WHOLE);
  const { '/v1/gateway/faults': _, ...others } = WHOLE;
  expect(summaries(parsed(await late()))).toEqual(others);
});
