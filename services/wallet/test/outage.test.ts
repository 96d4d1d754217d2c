import type { Envelope } from '@evergreen/contracts/envelope.ts';
import {
  GatewayCircuitClosed,
  GatewayCircuitHalfOpened,
  GatewayCircuitOpened,
} from '@evergreen/contracts/events/wallet.ts';
import { on } from '@evergreen/service-kit/batch.ts';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { call, due, nameOf, newCharge, openRig, type Rig, until } from './rig.ts';

let rig: Rig;
let readHealth: () => ReturnType<typeof call>;
/** What the wallet has said of its breaker, in order. */
const heard: Envelope<{ replica: string; at: string; failures?: number; calls?: number }>[] = [];

beforeAll(async () => {
  rig = await openRig();
  const hear = async (events: Envelope[]) => void heard.push(...(events as typeof heard));
  await rig.broker.subscribeTransient({
    name: 'outage-test',
    handlers: [on(GatewayCircuitOpened, hear), on(GatewayCircuitHalfOpened, hear), on(GatewayCircuitClosed, hear)],
    onReconnect: () => undefined,
  });
  readHealth = () => rig.operator(`${rig.stack.urls.wallet}/v1/wallets/gateway-health`);
}, 60_000);

afterAll(async () => {
  await rig?.close();
}, 30_000);

const named = (name: string) => heard.filter((event) => nameOf(event) === name);

test('an outage: the breaker opens, half-opens with one probe at a time, closes; top-ups finish, charges are untouched', async () => {
  const user = await rig.newUser();
  await user.topUp(5_000);
  expect((await readHealth()).body).toMatchObject({ state: 'closed', window: { failures: 0, refused: 0 } });

  await rig.setFaults({ outage: true });
  const answers = await Promise.all(Array.from({ length: 6 }, () => user.topUp(100)));
  expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(202));
  const opened = await until('the breaker to open', () => heard[0]);
  expect(nameOf(opened)).toBe('GatewayCircuitOpened');
  expect(opened.data.calls).toBeGreaterThanOrEqual(10);
  expect(opened.data.failures).toBeGreaterThan((opened.data.calls ?? 0) / 2);

  const charge = newCharge(user.id, 1_299);
  await rig.say(due(charge));
  expect(await rig.saidOf(charge, 1)).toEqual(['ChargeSucceeded']);
  expect(await user.topUp(100)).toMatchObject({ status: 202, body: { status: 'processing' } });
  const health = (await readHealth()).body;
  expect(health).toMatchObject({ replica: opened.data.replica, unfinishedTopUps: 7 });
  expect(['open', 'half_open']).toContain(health.state);

  await until('a probe to fail', () => (named('GatewayCircuitOpened').length >= 2 ? true : undefined), 15_000);
  await rig.setFaults({ outage: false });
  await until('the breaker to close', () => named('GatewayCircuitClosed')[0], 15_000);
  await until('the credits', async () => ((await user.balance()) === 5_000 - 1_299 + 700 ? true : undefined), 20_000);
  await rig.quiet();

  const names = heard.map(nameOf);
  const probes = named('GatewayCircuitHalfOpened').length;
  expect(names).toEqual([
    'GatewayCircuitOpened',
    ...Array.from({ length: probes - 1 }, () => ['GatewayCircuitHalfOpened', 'GatewayCircuitOpened']).flat(),
    'GatewayCircuitHalfOpened',
    'GatewayCircuitClosed',
  ]);
  expect(new Set(heard.map(({ correlationid }) => correlationid)).size).toBe(1);
  expect(new Set(heard.map(({ data }) => data.replica)).size).toBe(1);
  // Of all the calls wanted after it had opened, each that failed was the one probe of its half-open time.
  const { rows } = await rig.db.query(
    `SELECT count(*) FILTER (WHERE outcome = 'http_503')::int AS failed, count(*) FILTER (WHERE outcome = 'breaker_open')::int AS refused
     FROM payment_attempt WHERE started_at > $1::timestamptz + interval '1 second'`,
    [opened.data.at],
  );
  expect(rows[0].failed).toBe(probes - 1);
  expect(rows[0].refused).toBeGreaterThan(0);
  expect((await readHealth()).body).toMatchObject({ state: 'closed', unfinishedTopUps: 0 });
}, 60_000);

test('the health of the gateway is for operators alone', async () => {
  const path = '/v1/wallets/gateway-health';
  expect(await call(`${rig.stack.urls.wallet}${path}`)).toMatchObject({ status: 401 });
  const customer = await rig.newUser();
  expect((await customer.wallet('s/gateway-health')).body).toMatchObject({ status: 403, code: 'forbidden' });
  const { status, body } = await readHealth();
  expect(status).toBe(200);
  expect(body).toEqual({
    replica: expect.stringMatching(/-\d+$/),
    state: 'closed',
    window: expect.objectContaining({ calls: expect.any(Number), refused: expect.any(Number) }),
    latencyMs: { mean: expect.any(Number), p50: expect.any(Number), p99: expect.any(Number) },
    unfinishedTopUps: 0,
  });
});

test('metrics tell of the breaker and of each outcome', async () => {
  const response = await fetch(`${rig.stack.urls.wallet}/metrics`, { signal: AbortSignal.timeout(10_000) });
  const own = (await response.text()).split('\n').filter((line) => line.startsWith('evergreen_wallet_gateway_'));
  expect(own).toEqual(
    expect.arrayContaining([
      'evergreen_wallet_gateway_breaker_state 0',
      'evergreen_wallet_gateway_breaker_changes_total{to="closed"} 1',
      expect.stringMatching(/^evergreen_wallet_gateway_not_attempted_calls_total\{by="breaker"\} [1-9]/),
      expect.stringMatching(/^evergreen_wallet_gateway_attempt_seconds_count\{outcome="http_503"\} [1-9]/),
    ]),
  );
});
