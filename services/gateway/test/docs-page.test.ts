import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openRig, type Replica, type Rig } from './rig.ts';

let rig: Rig;
let gateway: Replica;

beforeAll(async () => {
  rig = await openRig();
  gateway = await rig.startReplica();
});
afterAll(() => rig.close());

const get = (path: string) => fetch(new URL(path, gateway.origin), { signal: AbortSignal.timeout(5_000) });

test('the page needs nothing from elsewhere, and may load nothing', async () => {
  const page = await get('/docs');
  expect(page.status).toBe(200);
  const policy = page.headers.get('content-security-policy');
  expect(policy).toContain("default-src 'none'; script-src 'self';");
  expect(policy).not.toMatch(/https?:|unsafe-|\*/);
  const text = await page.text();
  expect(text).toContain('<title>FakePaymentGateway API</title>');
  expect(text).not.toMatch(/<script(?![^>]*src=)/);
  const links = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link ?? '');
  expect(links.length).toBeGreaterThan(4);
  for (const link of links) {
    expect(link).toMatch(/^\/docs\/static\//);
    expect((await get(link)).status).toBe(200);
  }
});

test('it shows the document of the provider, with its credentials', async () => {
  const shown = (await (await get('/docs/json')).json()) as Record<string, unknown>;
  expect(shown).toEqual(await (await get('/openapi.json')).json());
  expect(shown).toMatchObject({
    info: { title: 'Evergreen gateway', description: expect.stringContaining('API key') },
    components: { securitySchemes: { service: { type: 'http', scheme: 'bearer' } } },
    paths: { '/payments/{paymentId}/refunds': { post: { security: [{ service: [] }] } } },
  });
});

test('no file beside the page can be had, and the policy is the page’s alone', async () => {
  for (const path of ['/docs/static/%2e%2e/package.json', '/docs/static/..%2fpackage.json']) {
    expect(await (await get(path)).text()).not.toContain('"name"');
  }
  expect((await get('/openapi.json')).headers.get('content-security-policy')).toBeNull();
});
