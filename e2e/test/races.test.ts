import { awaitCondition } from '@evergreen/stack/await-condition.ts';
import { startTestStack, type TestStack } from '@evergreen/stack/testing.ts';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import {
  awaitStatus,
  balanceOf,
  calmGateway,
  newCustomer,
  newOperator,
  newPlan,
  type Person,
  subscribe,
  topUp,
} from '../src/people.ts';

let stack: TestStack;
let operator: Person;
let wallet: pg.Pool;
let subscriptions: pg.Pool;

beforeAll(async () => {
  stack = await startTestStack({ services: ['auth', 'gateway', 'wallet', 'subscriptions', 'notifier', 'edge'] });
  wallet = new pg.Pool({ connectionString: stack.databases.wallet.url });
  subscriptions = new pg.Pool({ connectionString: stack.databases.subscriptions.url });
  operator = await newOperator(stack);
  await calmGateway(operator);
}, 60_000);

afterAll(async () => {
  await wallet?.end();
  await subscriptions?.end();
  await stack?.stop();
}, 30_000);

test('20 renewals and 20 top-ups of one user at once never overdraw, and no period is charged twice', async () => {
  const price = 100;
  const customer = await newCustomer(stack);
  const plans = [];
  for (let n = 0; n < 20; n++) {
    plans.push(
      await newPlan(operator, {
        name: `Plan ${n}`,
        price: { amount: price, currency: 'USD' },
        interval: { unit: 'day', count: 1 },
      }),
    );
  }
  await topUp(customer, 20 * price);
  const ids: string[] = await Promise.all(plans.map(async ({ id }) => (await subscribe(customer, id)).body.id));
  await Promise.all(ids.map((id) => awaitStatus(customer, id, 'active')));
  expect(await balanceOf(customer)).toBe(0);

  // All 20 fall due at once with nothing on the balance, while 20 top-ups that cover 15 of them arrive.
  const [moved, ...topUps] = await Promise.all([
    operator.call('/clock/advance', { body: { by: 'P1D' }, timeoutMs: 30_000 }),
    ...Array.from({ length: 20 }, () => topUp(customer, 75)),
  ]);
  expect(moved.status).toBe(200);
  expect(topUps.map(({ body }) => body.status)).toEqual(Array.from({ length: 20 }, () => 'succeeded'));

  const statuses = async () =>
    (await customer.call('/subscriptions?limit=100')).body.data.map(({ status }: { status: string }) => status).sort();
  const expected = [
    ...Array.from({ length: 15 }, () => 'active'),
    ...Array.from({ length: 5 }, () => 'pending_renewal'),
  ];
  await awaitCondition(async () => (JSON.stringify(await statuses()) === JSON.stringify(expected) ? true : undefined), {
    timeoutMs: 15_000,
    what: '15 of 20 to renew',
  });
  expect(await balanceOf(customer)).toBe(0);

  // The ledger has 35 debits, one for each granted period, and its lowest balance is not below zero.
  const ledger = await wallet.query(
    `SELECT count(*)::int AS debits, count(DISTINCT (c.subscription_id, c.period_start))::int AS periods, min(t.balance_after) AS lowest
     FROM transfer t JOIN charge c ON c.id = t.reference WHERE t.kind = 'charge' AND c.user_id = $1`,
    [customer.id],
  );
  expect(ledger.rows).toEqual([{ debits: 35, periods: 35, lowest: '0' }]);
  const granted = await subscriptions.query(
    'SELECT count(*)::int AS periods, count(DISTINCT charge_id)::int AS charges FROM paid_charge',
  );
  expect(granted.rows).toEqual([{ periods: 35, charges: 35 }]);
}, 90_000);
