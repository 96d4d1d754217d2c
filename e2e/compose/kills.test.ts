import { awaitCondition } from '@evergreen/stack/await-condition.ts';
import { serviceNames } from '@evergreen/stack/paths.ts';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { expectGatewayToAgree, expectLedgerToAddUp } from '../../services/wallet/test/audit.ts';
import { callUntilAnswered, newKey } from '../src/api.ts';
import { expectBooksToAgree } from '../src/books.ts';
import { balanceOf, calmGateway, logIn, newCustomer, newOperator, newPlan, type Person } from '../src/people.ts';
import { openSystem, type System } from '../src/system.ts';
import { awaitHealthy, containersOf, docker } from './engine.ts';

/*
 * Each of the containers that COMPOSE_VICTIMS names is killed while customers buy and renewals fall due, and started again, as an
 * operator or an orchestrator would. AUDIT_DATABASE_URL is the administrator's.
 */

const VICTIMS = (process.env.COMPOSE_VICTIMS ?? '').split(',');
const CUSTOMERS = 5;
const PRICE = 250;
/** Enough for the renewals of all that is bought here. */
const TOP_UP = 10_000;

let system: System;
let operator: Person;
let customers: Person[];
let topUps = 0;

beforeAll(async () => {
  system = await openSystem();
  operator = await newOperator(system);
  await calmGateway(operator);
  customers = [];
  // A day of UTC is always 24 hours long, which is what the clock is moved by.
  for (let n = 0; n < CUSTOMERS; n++) customers.push(await newCustomer(system, 'UTC'));
  // So no purchase hangs on a top-up whose outcome is still to be found out: the clock does not wait for that, nor a first payment for days.
  for (const { status } of await Promise.all(topUpEach())) expect(status).toBe(201);
}, 60_000);
afterAll(() => system?.stop());

const post = (person: Person, path: string, body: unknown) =>
  callUntilAnswered(`${system.baseUrl}/v1${path}`, { token: person.token, key: newKey(), body }, 120_000);

function topUpEach() {
  topUps++;
  const body = { amount: TOP_UP, currency: 'USD', paymentMethod: 'pm_card_visa' };
  return customers.map((one) => post(one, '/wallet/top-ups', body));
}

/** Moves the clock to a moment, however often it takes. */
async function moveClockTo(moment: Temporal.Instant): Promise<void> {
  await awaitCondition(
    async () => {
      const clock = await operator.call('/clock');
      if (Temporal.Instant.compare(Temporal.Instant.from(clock.body.now), moment) >= 0) return true;
      const body = { to: String(moment) };
      const moved = await operator.call('/clock/advance', { key: newKey(), body, timeoutMs: 60_000 });
      return moved.status === 200 || undefined;
    },
    { what: 'moving the clock', timeoutMs: 150_000, intervalMs: 250 },
  );
}

const now = async () => Temporal.Instant.from((await operator.call('/clock')).body.now);

async function expectNothingLost(): Promise<void> {
  const pools = Object.fromEntries(
    serviceNames.map((service) => {
      const url = new URL(process.env.AUDIT_DATABASE_URL ?? '');
      url.pathname = `/evergreen_${service}`;
      return [service, new pg.Pool({ connectionString: url.href, max: 2 })];
    }),
  ) as Record<(typeof serviceNames)[number], pg.Pool>;
  const ids = customers.map(({ id }) => id);
  try {
    await expectLedgerToAddUp(pools.wallet);
    await expectGatewayToAgree(pools.wallet, pools.gateway);
    await expectBooksToAgree({ ...pools, close: async () => undefined }, ids);
    const { rows: paid } = await pools.wallet.query<{ id: string; user_id: string }>(
      `SELECT subscription_id AS id, user_id FROM charge WHERE user_id = ANY ($1::uuid[]) AND status = 'paid' ORDER BY 1`,
      [ids],
    );
    const { rows: told } = await pools.notifier.query(
      `SELECT data->>'subscriptionId' AS id, user_id FROM notification WHERE user_id = ANY ($1::uuid[])
       AND type = 'payment_succeeded' AND data ? 'subscriptionId' ORDER BY 1`,
      [ids],
    );
    expect(told).toEqual(paid);
    for (const customer of customers) {
      const charges = paid.filter(({ user_id }) => user_id === customer.id).length;
      expect(await balanceOf(customer)).toBe(topUps * TOP_UP - charges * PRICE);
    }
    await expectPeriodsToFollowEachOther(pools.subscriptions, ids, await now());
  } finally {
    await Promise.all(Object.values(pools).map((pool) => pool.end()));
  }
}

/** From the first period to the one that runs now there is no gap and nothing twice, so each was charged once. */
async function expectPeriodsToFollowEachOther(db: pg.Pool, ids: string[], at: Temporal.Instant): Promise<void> {
  const { rows } = await db.query(
    `SELECT * FROM (
       SELECT p.subscription_id, p.period_start, p.period_end,
              lag(p.period_end) OVER one AS last_end, lead(p.period_start) OVER one AS next_start
       FROM paid_charge p JOIN subscription s ON s.id = p.subscription_id WHERE s.user_id = ANY ($1::uuid[])
       WINDOW one AS (PARTITION BY p.subscription_id ORDER BY p.period_start)) periods
     WHERE last_end <> period_start OR (next_start IS NULL AND NOT (period_start <= $2 AND period_end > $2))`,
    [ids, String(at)],
  );
  expect(rows).toEqual([]);
}

test.each(VICTIMS.map((name, n) => ({ name, n })))(
  '$name, killed while money moves: nothing is lost and nothing happens twice',
  async ({ name, n }) => {
    operator = await newOperator(system);
    customers = await Promise.all(customers.map(({ email }) => logIn(system, email)));
    const plan = await newPlan(operator, {
      name: `Through the end of ${name} (${n})`,
      price: { amount: PRICE, currency: 'USD' },
      interval: { unit: 'day', count: 30 },
    });
    const target = (await now()).add({ hours: 30 * 24 });
    const [victim] = await containersOf(name);
    if (!victim) throw new Error(`there is no container of ${name}`);

    // Renewals of what was bought before, and new purchases, all at once.
    const topping = topUpEach();
    const buying = customers.map((one) => post(one, '/subscriptions', { planId: plan.id }));
    const moving = moveClockTo(target);
    const inFlight = new Set<Promise<unknown>>([...topping, ...buying, moving]);
    for (const one of inFlight) one.then(() => inFlight.delete(one)).catch(() => undefined);
    await Promise.any([...topping, ...buying]);
    await docker('kill', victim.id);
    expect(inFlight.size).toBeGreaterThan(0);
    await awaitCondition(
      async () => (await containersOf(name)).some(({ id, running }) => id === victim.id && !running) || undefined,
      { what: `${name} to be dead`, timeoutMs: 10_000 },
    );
    await docker('start', victim.id);
    for (const { status } of await Promise.all(topping)) expect([201, 202]).toContain(status);
    const bought = await Promise.all(buying);
    for (const { status } of bought) expect(status).toBe(201);
    await moving;
    await awaitHealthy();

    const isActive = async (customer: Person, index: number) => {
      const { body } = await customer.call(`/subscriptions/${bought[index]?.body.id}`);
      if (body.status !== 'active') throw new Error(JSON.stringify(body));
      return true;
    };
    for (const [index, customer] of customers.entries()) {
      await awaitCondition(() => isActive(customer, index), {
        what: `the subscription of customer ${index}`,
        timeoutMs: 60_000,
        intervalMs: 200,
      });
    }
    // It answers when every outbox, queue and consumer is empty: what is not done by then never will be.
    await moveClockTo((await now()).add({ seconds: 10 }));
    await expectNothingLost();
  },
  300_000,
);
