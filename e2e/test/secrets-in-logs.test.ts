import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import { awaitCondition } from '@evergreen/stack/await-condition.ts';
import { type ProcessName, serviceEntry } from '@evergreen/stack/paths.ts';
import { findSecrets, findSecretsInLogs, SECRET_MARKER } from '@evergreen/stack/secret-search.ts';
import { describeProcesses, processNames } from '@evergreen/stack/services.ts';
import { startTestStack, type TestStack } from '@evergreen/stack/testing.ts';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { call } from '../src/api.ts';
import { calmGateway, newCustomer, newOperator, type Person, topUp } from '../src/people.ts';

const SECRET = `${SECRET_MARKER}planted`;

let stack: TestStack;
let operator: Person;
let customer: Person;

beforeAll(async () => {
  // Whatever can be logged is logged.
  const env = Object.fromEntries(processNames.map((name) => [name, { LOG_LEVEL: 'trace' }]));
  stack = await startTestStack({ env });
  operator = await newOperator(stack);
  customer = await newCustomer(stack);
  await calmGateway(operator);
}, 90_000);

afterAll(() => stack?.stop(), 30_000);

const register = (init: Parameters<typeof call>[1]) =>
  call(`${stack.baseUrl}/v1/auth/register`, { method: 'POST', ...init });
const logsOf = () => dirname(stack.logFile('edge'));

/** Each in a form of its own; every service sees some of them. */
const REQUESTS: [string, () => Promise<unknown>][] = [
  ['a password of a wrong type', () => register({ body: { email: 'a@test.example', password: { is: SECRET } } })],
  [
    'a password in a body with too much',
    () => register({ body: { email: 'b@test.example', password: SECRET, [SECRET]: SECRET } }),
  ],
  ['a password for an email', () => register({ body: { email: SECRET, password: 'a long sentence' } })],
  ['malformed JSON', () => register({ rawBody: `{"email":"c@test.example","password":"${SECRET}` })],
  ['JSON that is a text', () => register({ rawBody: JSON.stringify(SECRET) })],
  ['a body of another type', () => register({ rawBody: SECRET, headers: { 'content-type': 'text/plain' } })],
  ['a body with a prototype', () => register({ rawBody: `{"__proto__":{"password":"${SECRET}"}}` })],
  [
    'a wrong password',
    () => call(`${stack.baseUrl}/v1/auth/login`, { method: 'POST', body: { email: customer.email, password: SECRET } }),
  ],
  ['a query of a list', () => customer.call(`/wallet/transactions?cursor=${SECRET}&token=${SECRET}`)],
  ['a query with a bad escape', () => customer.call(`/plans?password=${SECRET}%ZZ`)],
  ['a path that is not there', () => customer.call(`/nowhere/${SECRET}/${customer.token}`)],
  ['a path with a bad escape', () => customer.call(`/plans/${SECRET}%ZZ`)],
  ['a path in place of an id', () => customer.call(`/subscriptions/${SECRET}`)],
  ['a token in place of an id', () => customer.call(`/subscriptions/${customer.token}/timeline`)],
  ['a token in the query', () => customer.call(`/subscriptions?access_token=${customer.token}`)],
  ['no access token', () => customer.call('/wallet', { token: SECRET })],
  ['a broken access token', () => customer.call('/wallet', { token: `${customer.token}x` })],
  [
    'another scheme',
    () => customer.call('/notifications', { token: undefined, headers: { authorization: `Basic ${SECRET}` } }),
  ],
  [
    'cookies',
    () =>
      call(`${stack.baseUrl}/v1/auth/refresh`, {
        method: 'POST',
        headers: { cookie: `evergreen_refresh=${SECRET}; x=${customer.token}` },
      }),
  ],
  [
    'a refresh token in the body',
    () => call(`${stack.baseUrl}/v1/auth/refresh`, { method: 'POST', body: { refreshToken: SECRET } }),
  ],
  ['an idempotency key', () => topUp(customer, 500, SECRET)],
  ['a request id', () => customer.call('/plans', { headers: { 'x-request-id': SECRET } })],
  [
    'a payment method',
    () =>
      customer.call('/wallet/top-ups', {
        method: 'POST',
        key: 'k-1',
        body: { amount: 1, currency: 'USD', paymentMethod: SECRET },
      }),
  ],
  [
    'a socket',
    () => fetch(`${stack.baseUrl}/socket.io/?EIO=4&transport=polling&token=${SECRET}&auth=${customer.token}`),
  ],
  [
    'a socket of a foreign page',
    () =>
      fetch(`${stack.baseUrl}/socket.io/?EIO=4&transport=polling`, {
        headers: { origin: `https://x.example?${SECRET}` },
      }),
  ],
  [
    'the key of the gateway',
    () => call(`${stack.urls.gateway}/payments?key=${stack.gatewayApiKey}`, { token: `${stack.gatewayApiKey}x` }),
  ],
  ["the service's token", () => call(`${stack.urls.wallet}/internal/activity`, { token: `${stack.serviceToken}x` })],
  [
    'headers beyond measure',
    () => customer.call('/plans', { headers: { 'x-secret': SECRET.repeat(1_000) } }).catch(() => undefined),
  ],
  ['no HTTP at all', () => fetch(`${stack.baseUrl}/v1/plans`, { method: 'OPTIONS', headers: { [SECRET]: SECRET } })],
];

test.each(REQUESTS)('%s: no log holds it', async (_what, ask) => {
  await ask();
  expect(findSecretsInLogs(logsOf())).toEqual([]);
});

test('nor do they when all of it has been written; and they do say who asked for what', async () => {
  const answered = () =>
    readFileSync(stack.logFile('edge'), 'utf8')
      .split('\n')
      .filter((line) => line.includes('"answered"'));
  await awaitCondition(async () => (answered().length >= REQUESTS.length - 4 ? true : undefined), {
    what: 'a line for nearly each of them',
    timeoutMs: 10_000,
    intervalMs: 50,
  });
  expect(findSecretsInLogs(logsOf())).toEqual([]);
  const lines = answered().map((line) => JSON.parse(line));
  expect(lines.every(({ reqId, path, status }) => reqId && path && status)).toBe(true);
  // A request is found again behind the edge by its id.
  const { reqId } = lines.find(({ path, method }) => path.startsWith('/v1/subscriptions') && method === 'GET');
  expect(readFileSync(stack.logFile('subscriptions'), 'utf8')).toContain(reqId);
});

/** Starts a service on other settings, and ends it once it has said `until` or has ended. */
async function startBadly(name: ProcessName, change: Record<string, string>, until: RegExp): Promise<string> {
  const ports = Object.fromEntries(
    processNames.map((other) => [other, other === name ? 0 : Number(new URL(stack.urls[other]).port)]),
  );
  const [spec] = describeProcesses(
    {
      nodeEnv: 'test',
      ports: ports as Record<ProcessName, number>,
      databases: stack.databases,
      brokerUrls: stack.brokerUrls,
      serviceToken: stack.serviceToken,
      gatewayApiKey: stack.gatewayApiKey,
      extraEnvironment: { [name]: { LOG_LEVEL: 'trace', ...change } },
    },
    [name],
  );
  const child = spawn(process.execPath, [serviceEntry(name)], { env: spec?.env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      said += chunk;
      if (until.test(said)) child.kill('SIGKILL');
    });
  }
  await Promise.all([text(child.stdout), text(child.stderr)]);
  return said;
}

const withPassword = (url: string, password: string, port?: string): string => {
  const changed = new URL(url);
  changed.password = password;
  if (port) changed.port = port;
  return changed.href;
};

test.each<[string, ProcessName, () => Record<string, string>, RegExp]>([
  [
    'a database URL that is none',
    'wallet',
    () => ({ DATABASE_URL: `postgres//x:${SECRET}@h` }),
    /DATABASE_URL must be/,
  ],
  [
    'a database URL that cannot be read',
    'wallet',
    () => ({ DATABASE_URL: `postgres://x:${SECRET}@h:port/x` }),
    /"level":(40|50|60)/,
  ],
  ['a broker URL that is none', 'auth', () => ({ AMQP_URL: `amqp//x:${SECRET}@h` }), /AMQP_URL must be/],
  ['a broker URL that cannot be read', 'auth', () => ({ AMQP_URL: `amqp://x:${SECRET}@h:port` }), /"level":(40|50|60)/],
  [
    'a wrong password of the database',
    'notifier',
    () => ({ DATABASE_URL: withPassword(stack.databases.notifier.url, SECRET) }),
    /password authentication failed/,
  ],
  [
    'a wrong password of the broker',
    'gateway',
    () => ({ AMQP_URL: withPassword(stack.brokerUrls.gateway, SECRET) }),
    /cannot connect to the broker/,
  ],
  [
    'a database that is away',
    'wallet',
    () => ({ DATABASE_URL: withPassword(stack.databases.wallet.url, SECRET, '1') }),
    /ECONNREFUSED/,
  ],
  [
    'a broker that is away',
    'wallet',
    () => ({ AMQP_URL: withPassword(stack.brokerUrls.wallet, SECRET, '1') }),
    /cannot connect to the broker/,
  ],
  ['a key that is too short', 'gateway', () => ({ GATEWAY_API_KEY: 'evg-secret-' }), /GATEWAY_API_KEY must be/],
  [
    'callers with their tokens',
    'wallet',
    () => ({ SERVICE_CALLERS: `subscriptions:${SECRET}` }),
    /SERVICE_CALLERS must be/,
  ],
  [
    'a wrong collector',
    'edge',
    () => ({ OTEL_EXPORTER_OTLP_ENDPOINT: `ftp://x:${SECRET}@h` }),
    /OTEL_EXPORTER_OTLP_ENDPOINT must be/,
  ],
  [
    'a collector that is away',
    'subscriptions',
    () => ({
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://x:${SECRET}@127.0.0.1:1`,
      OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer ${SECRET}`,
      OTEL_BSP_SCHEDULE_DELAY: '20',
    }),
    /exporting traces/,
  ],
])(
  '%s at the start: it is said without the secret',
  async (_what, name, change, until) => {
    const said = await startBadly(name, change(), until);
    expect(said).toMatch(until);
    expect(findSecrets(name, said)).toEqual([]);
  },
  60_000,
);
