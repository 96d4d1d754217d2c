import { awaitCondition } from '@evergreen/stack/await-condition.ts';
import { startTestStack, type TestStack } from '@evergreen/stack/testing.ts';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { callUntilAnswered, newKey } from '../src/api.ts';
import { calmGateway, newCustomer, newOperator, newPlan, type Person } from '../src/people.ts';

const CUSTOMERS = 8;
const PRICE = 250;

let stack: TestStack;
let operator: Person;
let customers: Person[];
let wallet: pg.Pool;
let notifier: pg.Pool;

beforeAll(async () => {
  stack = await startTestStack();
  wallet = new pg.Pool({ connectionString: stack.databases.wallet.url });
  notifier = new pg.Pool({ connectionString: stack.databases.notifier.url });
  operator = await newOperator(stack);
  await calmGateway(operator);
  customers = [];
  for (let n = 0; n < CUSTOMERS; n++) customers.push(await newCustomer(stack));
}, 90_000);

afterAll(async () => {
  await wallet?.end();
  await notifier?.end();
  await stack?.stop();
}, 30_000);

/** Tops up the price of a plan and subscribes to it, with keys that stay the same however often the requests must be sent. */
async function buy(customer: Person, planId: string): Promise<string> {
  const post = (path: string, body: unknown) =>
    callUntilAnswered(`${stack.baseUrl}/v1${path}`, { token: customer.token, key: newKey(), body }, 40_000);
  const [topUp, subscription] = await Promise.all([
    post('/wallet/top-ups', { amount: PRICE, currency: 'USD', paymentMethod: 'pm_card_visa' }),
    post('/subscriptions', { planId }),
  ]);
  expect([201, 202]).toContain(topUp.status);
  expect(subscription.status).toBe(201);
  return subscription.body.id;
}

const countOf = async (db: pg.Pool, sql: string, values: unknown[]): Promise<number> =>
  (await db.query(sql, values)).rows[0].count;

test.each(['wallet', 'subscriptions', 'gateway', 'notifier', 'auth', 'edge'] as const)(
  '%s, killed with kill -9 while messages are in flight, comes back and finishes the work once',
  async (victim) => {
    const plan = await newPlan(operator, {
      name: `Through a crash of ${victim}`,
      price: { amount: PRICE, currency: 'USD' },
    });
    const creditsBefore = await countOf(
      wallet,
      `SELECT count(*)::int AS count FROM transfer WHERE kind = 'top_up'`,
      [],
    );

    const buying = customers.map((customer) => buy(customer, plan.id));
    // Some of the twelve are through the wallet and some are not: now.
    await awaitCondition(
      async () => {
        const credits = await countOf(wallet, `SELECT count(*)::int AS count FROM transfer WHERE kind = 'top_up'`, []);
        return credits > creditsBefore ? true : undefined;
      },
      { timeoutMs: 20_000, intervalMs: 1, what: 'the first credit' },
    );
    const pid = stack.supervisor.pid(victim);
    stack.supervisor.kill(victim, 'SIGKILL');
    const ids = await Promise.all(buying);
    // The last of the purchases may be through before its end is noticed here.
    const isAnother = () => ![pid, undefined].includes(stack.supervisor.pid(victim));
    await awaitCondition(async () => isAnother() || undefined, { timeoutMs: 30_000, what: `${victim} to run again` });

    const isActive = async (customer: Person, id: string) =>
      (await customer.call(`/subscriptions/${id}`)).body.status === 'active';
    await awaitCondition(
      async () =>
        (await Promise.all(customers.map((one, n) => isActive(one, ids[n] ?? '')))).every(Boolean) ? true : undefined,
      { timeoutMs: 60_000, intervalMs: 100, what: 'all twelve to be active' },
    );

    // Moving the clock answers once every outbox, queue and consumer is empty, so what is not done by then never will be.
    const settled = await operator.call('/clock/advance', { key: newKey(), body: { by: 'PT1S' }, timeoutMs: 60_000 });
    expect(settled.body).toMatchObject({ steps: expect.any(Number) });

    // Once each: one credit and one debit a customer, nothing left over, and one notification that it is paid.
    const credits = await countOf(wallet, `SELECT count(*)::int AS count FROM transfer WHERE kind = 'top_up'`, []);
    expect(credits).toBe(creditsBefore + CUSTOMERS);
    const debits = `SELECT count(*)::int AS count FROM transfer t JOIN charge c ON c.id = t.reference AND t.kind = 'charge'
                    WHERE c.subscription_id = ANY ($1::uuid[])`;
    expect(await countOf(wallet, debits, [ids])).toBe(CUSTOMERS);
    const left = 'SELECT coalesce(sum(balance), 0)::int AS count FROM account WHERE user_id IS NOT NULL';
    expect(await countOf(wallet, left, [])).toBe(0);
    const paid = `SELECT count(*)::int AS count FROM notification
                  WHERE data->>'subscriptionId' = ANY ($1::text[]) AND type = 'payment_succeeded'`;
    expect(await countOf(notifier, paid, [ids])).toBe(CUSTOMERS);
  },
  120_000,
);
