import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { derivedPassword } from '../src/derived-password.ts';
import { repositoryRoot, serviceNames } from '../src/paths.ts';
import { SECRET_MARKER } from '../src/secret-search.ts';
import { createTestDatabase, type TestDatabase } from '../src/testing.ts';

const DATA = mkdtempSync(join(tmpdir(), 'evergreen-'));
const adminUrl = process.env.TEST_DATABASE_ADMIN_URL ?? '';
let auth: TestDatabase;

beforeAll(async () => {
  auth = await createTestDatabase('auth');
});
afterAll(async () => {
  await auth?.drop();
  rmSync(DATA, { recursive: true });
});

/** Runs a command of packages/stack/src to its end. */
async function run(command: string[], settings: Record<string, string>) {
  const [file = '', ...args] = command;
  const child = spawn(process.execPath, [join(repositoryRoot, 'packages/stack/src', file), ...args], {
    env: { PATH: process.env.PATH, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
  });
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await closed, stdout, stderr };
}

test('the commands of auth work on the database of the last start, or on the one that is named', async () => {
  const operator = {
    OPERATOR_EMAIL: 'op@evergreen.test',
    OPERATOR_PASSWORD: `${SECRET_MARKER}a-long-sentence-is-best`,
  };
  const nowhere = await run(['admin.ts', 'create-operator'], { EVERGREEN_DATA: DATA, ...operator });
  expect(nowhere).toMatchObject({ code: 78, stderr: expect.stringContaining('DATABASE_URL') });
  writeFileSync(join(DATA, 'databases.json'), JSON.stringify({ auth: auth.url }));
  expect(await run(['admin.ts', 'create-operator'], { EVERGREEN_DATA: DATA, ...operator })).toEqual({
    code: 0,
    stdout: 'operator op@evergreen.test: created\n',
    stderr: '',
  });
  const named = { EVERGREEN_DATA: join(DATA, 'none'), DATABASE_URL: auth.url };
  expect(await run(['admin.ts', 'rotate-keys'], named)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('auth makes the first ones when it starts'),
  });
}, 60_000);

test('the databases are set up, also the second time, and a wrong setting ends the command with one line', async () => {
  // The roles are the whole server's, so the command is to give them the passwords that other tests know.
  const passwords = serviceNames.map((service) => [
    `${service.toUpperCase()}_DATABASE_PASSWORD`,
    derivedPassword(adminUrl, `evergreen_${service}`),
  ]);
  const env = { DATABASE_URL: adminUrl, ...Object.fromEntries(passwords) };
  expect(await run(['set-up-databases.ts'], { ...env, WALLET_DATABASE_PASSWORD: 'short' })).toEqual({
    code: 78,
    stdout: '',
    stderr: 'The databases cannot be set up: WALLET_DATABASE_PASSWORD must be a secret of at least 16 characters\n',
  });
  for (let time = 1; time <= 2; time++) {
    expect(await run(['set-up-databases.ts'], env)).toMatchObject({ code: 0, stderr: '' });
  }
  const url = new URL(adminUrl);
  Object.assign(url, { username: 'evergreen_wallet', password: env.WALLET_DATABASE_PASSWORD });
  url.pathname = '/evergreen_wallet';
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  expect((await client.query('SELECT count(*)::int AS count FROM charge')).rows).toEqual([{ count: 0 }]);
  await client.end();

  // On the databases of those names; what it says is the matter of e2e/test/say-again.test.ts.
  expect(await run(['say-again.ts', '--days', '3'], { DATABASE_URL: adminUrl })).toEqual({
    code: 0,
    stdout:
      'refunds that are due, of the last 3 days: 0 are said again\ncharges that are paid, of the last 3 days: 0 are said again\n',
    stderr: '',
  });
  for (const args of [[], ['--days', '0'], ['--days', '1.5'], ['--days=3651']]) {
    expect(await run(['say-again.ts', ...args], { DATABASE_URL: adminUrl })).toMatchObject({
      code: 78,
      stdout: '',
      stderr: expect.stringContaining('--days must be a whole number from 1 to 3650'),
    });
  }
  expect(await run(['say-again.ts', '--days', '3'], { EVERGREEN_DATA: join(DATA, 'none') })).toMatchObject({
    code: 78,
    stderr: expect.stringContaining('DATABASE_URL is missing'),
  });
}, 120_000);
