import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { randomSecret } from '../src/data-directory.ts';
import { derivedPassword } from '../src/derived-password.ts';
import { findSecrets, findSecretsInLogs, SECRET_MARKER } from '../src/secret-search.ts';

// Outside of what is searched when the run has ended.
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'evergreen-secrets-'));
});

afterAll(() => rmSync(folder, { recursive: true }));

const JWT = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl';

test.each([
  ['a generated secret', randomSecret()],
  ['a derived password', derivedPassword('postgres://admin:secret@host/db', 'evergreen_wallet')],
  ['a password of tests', `${SECRET_MARKER}a-long-test-password`],
  ['an access token', JWT],
  ['a header', 'Bearer abcdefgh12345678'],
  ['basic authentication', 'authorization: Basic dXNlcjpwYXNz'],
  ['a URL with a password', 'postgres://evergreen_wallet:x7p@localhost:5432/evergreen_wallet'],
  ['a private key', '-----BEGIN PRIVATE KEY-----'],
  ['a private JWK', '{"kty":"EC","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}'],
  ['a refresh token', 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'],
])('%s is found in a log, with its place, and not repeated', (_what, secret) => {
  const logs = join(folder, 'stack-1', 'logs');
  mkdirSync(logs, { recursive: true });
  const lines = ['{"level":30,"msg":"fine"}', JSON.stringify({ level: 40, msg: `it was ${secret} again` }), ''];
  writeFileSync(join(logs, 'wallet.log'), lines.join('\n'));
  const found = findSecretsInLogs(folder);
  expect(found.length).toBeGreaterThanOrEqual(1);
  expect(found[0]).toMatchObject({ file: join(logs, 'wallet.log'), line: 2 });
  const shown = found.map(({ text }) => text).join();
  const core = /[\w-]{8,}$/.exec(secret.split('@')[0]?.replace(/[-"}]+$/, '') ?? '')?.[0];
  expect(core === undefined || !shown.includes(core)).toBe(true);
});

test.each([
  'POST /v1/subscriptions/0193b6f8-7f2a-7c3e-8a54-1f2e3d4c5b6a answered 201 at http://127.0.0.1:8080',
  'file:///srv/evergreen/node_modules/@fastify/reply-from/lib/request.js:230:17',
  'hash 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 and password authentication failed for user "x"',
  'postgres://evergreen_wallet@localhost:5432/evergreen_wallet, Bearer tokens, and amqp://[hidden]@host',
])('%s is none', (line) => {
  expect(findSecrets('x.log', line)).toEqual([]);
});

test('what is no log is not read, and a folder that is not there holds nothing', () => {
  const other = join(folder, 'other');
  mkdirSync(other);
  writeFileSync(join(other, 'secrets.json'), JSON.stringify({ token: randomSecret() }));
  expect(findSecretsInLogs(other)).toEqual([]);
  expect(findSecretsInLogs(join(folder, 'nowhere'))).toEqual([]);
});
