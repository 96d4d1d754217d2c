import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connectBroker } from '@evergreen/service-kit/broker.ts';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import pino from 'pino';
import { Registry } from 'prom-client';
import { prepareBroker } from '../src/broker.ts';
import { repositoryRoot, serviceNames } from '../src/paths.ts';
import { rabbitmqManagement } from '../src/rabbitmq-management.ts';
import { createTestVhost } from '../src/testing.ts';

// A virtual host that nobody has set up yet, as on a person's own broker.

const managementUrl = process.env.TEST_RABBITMQ_MANAGEMENT_URL ?? '';
const management = rabbitmqManagement(managementUrl);
let vhost: string;
let amqpUrl: string;
const said: string[] = [];
const say = (detail: string) => void said.push(detail);

beforeEach(async () => {
  said.length = 0;
  vhost = `evergreen-test-${randomBytes(5).toString('hex')}`;
  const url = new URL(process.env.TEST_AMQP_URL ?? '');
  await management.createVhost(vhost, decodeURIComponent(url.username));
  url.pathname = `/${vhost}`;
  amqpUrl = url.href;
});

afterEach(() => management.deleteVhost(vhost));

const connectAs = (url: string) =>
  connectBroker({
    url,
    service: 'tester',
    logger: pino({ level: 'silent' }),
    metrics: new Registry(),
    firstConnectMs: 1,
  });

test('an own broker gets queues and a user for each service, also the second time', async () => {
  const first = await prepareBroker({ amqpUrl, managementUrl }, say);
  expect(await prepareBroker({ amqpUrl, managementUrl }, say)).toEqual(first);
  expect(said).toEqual([]);
  for (const service of serviceNames) {
    expect(new URL(first[service]).username).toBe(`evergreen_${service}`);
    const broker = await connectAs(first[service]);
    expect(broker.isReady()).toBe(true);
    await broker.close();
  }
});

test('without a management API, or an administrator on it, all services share one user, and it is said why', async () => {
  const nowhere = await prepareBroker({ amqpUrl, managementUrl: 'http://guest:guest@127.0.0.1:1' }, say);
  const helper = await createTestVhost();
  const asService = new URL(managementUrl);
  ({ username: asService.username, password: asService.password } = new URL(helper.urls.auth));
  const powerless = await prepareBroker({ amqpUrl, managementUrl: asService.href }, say);
  await helper.drop();
  for (const urls of [nowhere, powerless]) expect(new Set(Object.values(urls))).toEqual(new Set([amqpUrl]));
  expect(said).toEqual([
    expect.stringContaining(
      'all services share the user of AMQP_URL, as the management API at 127.0.0.1:1 does not answer',
    ),
    expect.stringMatching(/as the management API at .* answers 401 to the user evergreen_auth/),
  ]);
  const broker = await connectAs(nowhere.wallet);
  expect(broker.isReady()).toBe(true);
  await broker.close();
});

test('the command sets a broker up, and a wrong setting ends it with one line', async () => {
  const urls = await createdUrls();
  const passwords = Object.fromEntries(
    serviceNames.map((service) => [
      `${service.toUpperCase()}_AMQP_PASSWORD`,
      decodeURIComponent(new URL(urls[service]).password),
    ]),
  );
  const env = { AMQP_URL: amqpUrl, RABBITMQ_MANAGEMENT_URL: managementUrl, ...passwords };
  expect(await run({ ...env, WALLET_AMQP_PASSWORD: 'short' })).toEqual({
    code: 78,
    stderr: 'The broker cannot be set up: WALLET_AMQP_PASSWORD must be a secret of at least 16 characters\n',
  });
  expect(await run({ ...env, RABBITMQ_MANAGEMENT_URL: 'http://guest:guest@127.0.0.1:1' })).toEqual({
    code: 1,
    stderr: expect.stringContaining('Users cannot be made, as the management API at 127.0.0.1:1 does not answer'),
  });
  expect(await run(env)).toEqual({ code: 0, stderr: '' });
  expect(await run(env)).toEqual({ code: 0, stderr: '' });
  const url = new URL(urls.notifier);
  url.pathname = `/${vhost}`;
  const broker = await connectAs(url.href);
  expect(broker.isReady()).toBe(true);
  await broker.close();
});

/** The users are the whole broker's, so the command is to give them the passwords that other tests know. */
async function createdUrls() {
  const { urls, drop } = await createTestVhost();
  await drop();
  return urls;
}

async function run(settings: Record<string, string>): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, [join(repositoryRoot, 'packages/stack/src/set-up-broker.ts')], {
    env: { PATH: process.env.PATH, ...settings },
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: 30_000,
  });
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  const stderr = await text(child.stderr);
  return { code: await closed, stderr };
}
