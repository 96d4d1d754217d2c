import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Edge, openEdge } from './rig.ts';

/** What a browser says when it opens a page. */
const PAGE = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
const SCRIPT = 'console.log("evergreen");'.repeat(20);
let root: string;
let edge: Edge;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'evergreen-web-'));
  mkdirSync(join(root, 'assets'));
  mkdirSync(join(root, '.vite'));
  writeFileSync(
    join(root, 'index.html'),
    '<head><meta nonce="__CSP_NONCE__"></head><script nonce="__CSP_NONCE__"></script>',
  );
  writeFileSync(join(root, 'assets/index-abc.js'), SCRIPT);
  writeFileSync(join(root, 'icon.svg'), '<svg/>');
  writeFileSync(join(root, '.vite/manifest.json'), '{}');
  edge = await openEdge({}, { webRoot: root });
});

afterAll(async () => {
  await edge?.close();
  rmSync(root, { recursive: true, force: true });
});

describe('the page', () => {
  test.each(['/', '/plans', '/subscriptions/01936f4e', '/operator', '/sign-in?x=1'])('answers %s', async (path) => {
    const answer = await edge.ask(path, { headers: PAGE });
    expect(answer).toMatchObject({
      status: 200,
      headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache' },
    });
  });

  test('lets in by its policy only what carries the nonce of this answer', async () => {
    const [one, other] = [await edge.ask('/', { headers: PAGE }), await edge.ask('/', { headers: PAGE })];
    const nonceOf = ({ text }: { text: string }) => /nonce="([^"]+)"/.exec(text)?.[1];
    expect(nonceOf(one)).toMatch(/^[A-Za-z0-9+/]{22}==$/);
    expect(nonceOf(one)).not.toBe(nonceOf(other));
    expect(one.text).not.toContain('__CSP_NONCE__');
    const policy = String(one.headers['content-security-policy']);
    expect(policy).toContain(`script-src 'self' 'nonce-${nonceOf(one)}'`);
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe');
  });

  test.each([
    '/v1',
    '/v1/nothing',
    '/internal/activity',
    '/metrics',
    '/health/nothing',
    '/.well-known/nothing',
    '/assets/gone.js',
    '/docs/nothing',
  ])('is no answer to %s, which is a problem', async (path) => {
    expect(await edge.ask(path, { headers: PAGE })).toMatchObject({
      status: 404,
      headers: { 'content-type': 'application/problem+json; charset=utf-8' },
    });
  });

  test('says that links may fill in the sign-in where it is a demo, and nowhere else', async () => {
    expect((await edge.ask('/sign-in', { headers: PAGE })).text).not.toContain('demo');
    const demo = await openEdge({}, { webRoot: root, demoSignIn: true });
    const { text } = await demo.ask('/sign-in', { headers: PAGE });
    await demo.close();
    expect(text).toContain('<meta name="evergreen-demo-sign-in" content="true" /></head>');
  });

  test('is no answer to what asks for data', async () => {
    expect((await edge.ask('/plans', { headers: { accept: 'application/json' } })).status).toBe(404);
    expect((await edge.ask('/plans', { method: 'POST', headers: PAGE })).status).toBe(404);
  });
});

describe('its files', () => {
  test('are kept for a year where their name holds their hash, and an hour otherwise', async () => {
    const hashed = await edge.ask('/assets/index-abc.js');
    expect(hashed).toMatchObject({ status: 200, text: SCRIPT });
    expect(hashed.headers).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=31536000, immutable',
    });
    expect((await edge.ask('/icon.svg')).headers).toMatchObject({ 'cache-control': 'public, max-age=3600' });
  });

  test('are compressed for who takes that', async () => {
    const { headers } = await edge.ask('/assets/index-abc.js', { headers: { 'accept-encoding': 'gzip, br' } });
    expect(headers).toMatchObject({ 'content-encoding': 'br', vary: 'accept-encoding' });
    expect(Number(headers['content-length'])).toBeLessThan(SCRIPT.length / 2);
    expect(await (await fetch(`http://127.0.0.1:${edge.port}/assets/index-abc.js`)).text()).toBe(SCRIPT);
  });

  test.each(['/.vite/manifest.json', '/assets/../.vite/manifest.json', '/assets/%2e%2e/index.html', '/index.html'])(
    'are only those of the build: %s is not',
    async (path) => {
      expect((await edge.ask(path)).status).toBe(404);
    },
  );
});

test('without a build, / leads to the API document', async () => {
  const bare = await openEdge({});
  expect(await bare.ask('/', { headers: PAGE })).toMatchObject({ status: 302, headers: { location: '/docs' } });
  await bare.close();
});
