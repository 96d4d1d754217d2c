import { readFileSync } from 'node:fs';
import { startTestStack, type TestStack } from '@evergreen/stack/testing.ts';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { PASSWORD } from './rig.ts';

const EMAIL = 'First.Operator@evergreen.test';
let stack: TestStack;
let db: pg.Client;

beforeAll(async () => {
  stack = await startTestStack({
    services: ['auth'],
    env: {
      auth: { OPERATOR_EMAIL: EMAIL, OPERATOR_PASSWORD: PASSWORD, HASHING_CONCURRENCY: '1', HASHING_QUEUE: '2' },
    },
  });
  db = new pg.Client({ connectionString: stack.databases.auth.url });
  await db.connect();
}, 60_000);
afterAll(async () => {
  await db.end();
  await stack.stop();
});

const call = async (path: string, body: object) => {
  const response = await fetch(`${stack.urls.auth}/v1/auth/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as { user: { role: string; email: string } },
  };
};

const restart = async () => {
  stack.supervisor.kill('auth', 'SIGKILL');
  await stack.supervisor.awaitReady('auth');
};

test('the operator of the environment is made once, and stays as it is from then on', async () => {
  const { status, body } = await call('login', { email: EMAIL, password: PASSWORD });
  expect({ status, role: body.user.role, email: body.user.email }).toEqual({
    status: 200,
    role: 'operator',
    email: EMAIL.toLowerCase(),
  });
  const account = async () => (await db.query("SELECT * FROM account WHERE role = 'operator'")).rows;
  const before = await account();
  expect(before).toHaveLength(1);
  await restart();
  expect(await account()).toEqual(before);
});

test("a customer's account never becomes an operator's that way, and keeps nobody from using the service", async () => {
  await db.query('DELETE FROM account');
  const squatter = await call('register', { email: EMAIL, password: 'the password of a squatter' });
  expect(squatter.status).toBe(201);
  await restart();
  const { rows } = await db.query('SELECT role FROM account');
  expect(rows).toEqual([{ role: 'customer' }]);
  expect((await call('login', { email: EMAIL, password: PASSWORD })).status).toBe(401);
  const log = readFileSync(stack.logFile('auth'), 'utf8');
  expect(log).toContain("is a customer's account, and stays one");
  expect(log).not.toContain(PASSWORD);
});

const guess = (email: string) => call('login', { email, password: 'guess' });

test('failed log-ins are remembered over a kill -9', async () => {
  for (let failures = 0; failures < 10; failures++) expect((await guess('ada@evergreen.test')).status).toBe(401);
  await restart();
  expect((await guess('ada@evergreen.test')).status).toBe(429);
  expect((await guess('bob@evergreen.test')).status).toBe(401);
});

test('who is turned away because too much is hashed is told when to come back, and has used up nothing', async () => {
  const burst = await Promise.all(Array.from({ length: 10 }, () => guess('eve@evergreen.test')));
  const away = burst.filter(({ status }) => status === 503);
  expect(away.length).toBeGreaterThan(0);
  expect(away.map(({ headers }) => headers.get('retry-after'))).toEqual(Array(away.length).fill('1'));
  const failed = burst.filter(({ status }) => status === 401).length;
  expect(failed + away.length).toBe(10);
  for (let more = failed; more < 10; more++) expect((await guess('eve@evergreen.test')).status).toBe(401);
  expect((await guess('eve@evergreen.test')).status).toBe(429);
});
