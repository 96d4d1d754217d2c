import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import { openRig, type Rig } from './rig.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await openRig({
    env: {
      wallet: {
        TOP_UP_LIMIT_PER_ACCOUNT: '5/1h',
        TOP_UP_LIMIT_PER_ADDRESS: '12/1h',
        SETTINGS_LIMIT_PER_ACCOUNT: '3/10m',
      },
    },
  });
}, 60_000);
afterAll(() => rig.close());

const count = (statuses: number[], status: number) => statuses.filter((one) => one === status).length;

test('an account has its top-ups, and an address; a repeat under the same key does not count', async () => {
  const user = await rig.newUser();
  const key = uuidv7();
  expect((await user.topUp(100, { key })).status).toBe(201);
  const repeats = await Promise.all(Array.from({ length: 20 }, () => user.topUp(100, { key })));
  expect(
    count(
      repeats.map(({ status }) => status),
      201,
    ),
  ).toBe(20);

  const keys = Array.from({ length: 20 }, () => uuidv7());
  const answers = await Promise.all(keys.map((one) => user.topUp(100, { key: one })));
  const statuses = answers.map(({ status }) => status);
  expect([count(statuses, 201), count(statuses, 429)]).toEqual([4, 16]);
  const refused = answers.find(({ status }) => status === 429);
  expect(refused?.body).toMatchObject({ code: 'rate_limited', status: 429 });
  expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(3_500);
  expect(await user.balance()).toBe(500);
  const { rows } = await rig.db.query('SELECT count(*)::int AS count FROM idempotency_key WHERE user_id = $1', [
    user.id,
  ]);
  expect(rows).toEqual([{ count: 5 }]);

  // A refusal is not the answer for ever, and leaves nothing behind: in the next window the same key tops up, once.
  await rig.db.query("UPDATE rate_limit SET window_ends_at = now() - interval '1 second'");
  const late = keys[statuses.indexOf(429)] ?? '';
  expect((await user.topUp(100, { key: late })).status).toBe(201);
  expect(await user.balance()).toBe(600);
});

test('many accounts at one address share its top-ups; another address, as the edge tells it, has its own', async () => {
  await rig.db.query('DELETE FROM rate_limit');
  const users = await Promise.all(Array.from({ length: 4 }, () => rig.newUser()));
  const answers = await Promise.all(users.flatMap((user) => Array.from({ length: 4 }, () => user.topUp(100))));
  const statuses = answers.map(({ status }) => status);
  expect([count(statuses, 201), count(statuses, 429)]).toEqual([12, 4]);
  const [user] = users;
  const response = await fetch(`${rig.stack.urls.wallet}/v1/wallet/top-ups`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${user?.token}`,
      'content-type': 'application/json',
      'idempotency-key': uuidv7(),
      'x-forwarded-for': '198.51.100.7',
    },
    body: JSON.stringify({ amount: 100, currency: 'USD', paymentMethod: 'pm_card_visa' }),
    signal: AbortSignal.timeout(10_000),
  });
  expect([201, 202]).toContain(response.status);
});

test('an account has its changes of settings, over all that can be set', async () => {
  const user = await rig.newUser();
  const off = { enabled: false, currency: 'USD', paymentMethodId: null, threshold: 0, amount: 100, maxPerDay: 100 };
  const set = (one = user) => one.wallet('/auto-top-up', { method: 'PUT', body: off });
  const save = () => user.wallet('/payment-methods', { key: uuidv7(), body: { token: 'pm_card_visa' } });
  const answers = [await set(), await save(), await set(), await save(), await set()];
  expect(answers.map(({ status }) => status)).toEqual([200, 201, 200, 429, 429]);
  expect((await set(await rig.newUser())).status).toBe(200);
});
