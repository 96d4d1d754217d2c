import { ConfigError } from '@evergreen/service-kit/config.ts';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { loadConfig } from '../src/config.ts';
import { openRig, RELIABLE, type Replica, type Rig } from './rig.ts';

let rig: Rig;
let gateway: Replica;

beforeAll(async () => {
  rig = await openRig();
  gateway = await rig.startReplica();
});
afterAll(() => rig.close());

const MILDLY_UNRELIABLE = {
  seed: 1,
  latency: { p50Ms: 60, p99Ms: 400 },
  rates: { ...RELIABLE.rates, error500: 0.02, unavailable503: 0.03 },
  outage: false,
};

const asOperator = (method: string, body?: unknown) =>
  gateway.call(method, '/v1/gateway/faults', { token: rig.accessToken('operator'), body });

test('a new installation is mildly unreliable, and a setting survives a restart', async () => {
  const initial = await asOperator('GET');
  expect(initial).toMatchObject({ status: 200, body: MILDLY_UNRELIABLE });
  const set = await asOperator('PUT', { ...RELIABLE, seed: 77 });
  expect(set.status).toBe(200);
  expect(set.body).toEqual({ ...RELIABLE, seed: 77 });
  await gateway.stop();
  gateway = await rig.startReplica();
  expect((await asOperator('GET')).body).toEqual({ ...RELIABLE, seed: 77 });
});

test('a partial setting leaves everything else as it was', async () => {
  await asOperator('PUT', MILDLY_UNRELIABLE);
  expect((await asOperator('PUT', { rates: { declined: 1 } })).body).toEqual({
    ...MILDLY_UNRELIABLE,
    rates: { ...MILDLY_UNRELIABLE.rates, declined: 1 },
  });
  expect((await asOperator('PUT', { outage: true })).body).toMatchObject({ outage: true, rates: { declined: 1 } });
  expect((await asOperator('PUT', { outage: false })).body).toMatchObject({ outage: false });
  expect((await asOperator('PUT', { seed: 0 })).body).toMatchObject({ seed: 0, rates: { error500: 0.02 } });
  const latency = { p50Ms: 0, p99Ms: 0 };
  expect((await asOperator('PUT', { latency })).body).toMatchObject({ latency, seed: 0 });
  expect((await asOperator('PUT', {})).body).toEqual((await asOperator('GET')).body);
});

test('racing settings of single rates all count', async () => {
  await asOperator('PUT', RELIABLE);
  const names = Object.keys(RELIABLE.rates);
  const patches = names.map((name) => ({ rates: { [name]: 0.5 } }));
  const answers = await Promise.all([...patches, ...patches].map((patch) => asOperator('PUT', patch)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  const { body } = await asOperator('GET');
  expect(body).toMatchObject({ rates: Object.fromEntries(names.map((name) => [name, 0.5])) });
  await asOperator('PUT', RELIABLE);
});

test('only an operator reads or sets the faults', async () => {
  for (const [method, body] of [['GET'], ['PUT', { outage: true }]] as const) {
    const call = (token: string) => gateway.call(method, '/v1/gateway/faults', { token, body });
    expect(await call('')).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
    expect(await call('nonsense')).toMatchObject({ status: 401 });
    expect(await call(rig.accessToken('customer'))).toMatchObject({ status: 403, body: { code: 'forbidden' } });
  }
  expect((await asOperator('GET')).body).toMatchObject({ outage: false });
});

test.each([
  ['body.seed', { seed: -1 }],
  ['body.seed', { seed: 2 ** 32 }],
  ['body.seed', { seed: 1.5 }],
  ['body.outage', { outage: 'yes' }],
  ['body.rates.declined', { rates: { declined: 1.1 } }],
  ['body.rates.declined', { rates: { declined: '1' } }],
  ['body.rates.flood', { rates: { flood: 1 } }],
  ['body.latency.p99Ms', { latency: { p50Ms: 10 } }],
  ['body.latency.p50Ms', { latency: { p50Ms: 60_001, p99Ms: 60_001 } }],
  ['body.latency.p99Ms', { latency: { p50Ms: 100, p99Ms: 99 } }],
  ['body.weather', { weather: 'bad' }],
])('a bad setting is refused and names %s: %j', async (field, body) => {
  const before = (await asOperator('GET')).body;
  expect(await asOperator('PUT', body)).toMatchObject({
    status: 400,
    body: { code: 'validation_failed', errors: [{ field, message: expect.any(String) }] },
  });
  expect((await asOperator('GET')).body).toEqual(before);
});

test('a start without its API key ends in one line that names it', () => {
  const env = {
    PORT: '1',
    DATABASE_URL: 'postgres://localhost/gateway',
    AMQP_URL: 'amqp://localhost',
    AUTH_JWKS_URL: 'http://localhost/jwks',
  };
  expect(() => loadConfig(env)).toThrow(new ConfigError('GATEWAY_API_KEY is missing'));
  expect(() => loadConfig({ ...env, GATEWAY_API_KEY: 'short' })).toThrow(
    new ConfigError('GATEWAY_API_KEY must be a secret of at least 16 characters'),
  );
});
