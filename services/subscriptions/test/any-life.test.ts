import { openPool } from '@evergreen/service-kit/database.ts';
import { createTestDatabase, type TestDatabase } from '@evergreen/stack/testing.ts';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type pg from 'pg';
import pino from 'pino';
import { v7 as uuidv7 } from 'uuid';
import { mrrMinor } from '../src/decisions/mrr.ts';
import type { Subscription } from '../src/decisions/subscription.ts';
import { insertSubscription } from '../src/sql/subscriptions.ts';
import { toRow } from '../src/subscription-row.ts';
import { type Lived, live, plans, steps } from './any-life.ts';
import { MONTHLY } from './given.ts';

let database: TestDatabase;
let pool: pg.Pool;
beforeAll(async () => {
  database = await createTestDatabase('subscriptions');
  pool = openPool({ url: database.url, max: 2, service: 'test', logger: pino({ level: 'silent' }) });
  await pool.query(
    `INSERT INTO plan (id, currency, interval_unit, interval_count, active, version, version_for_all, created_at)
     VALUES ($1, 'EUR', 'month', 1, true, 1, 1, now())`,
    [MONTHLY.planId],
  );
});
afterAll(async () => {
  await pool?.end();
  await database?.drop();
});

const inAnyLife = (check: (lived: Lived) => void, runs: fc.Parameters<[unknown, unknown]>): void =>
  fc.assert(
    fc.property(plans, steps, (plan, life) => check(live(plan, life))),
    runs,
  );

test('in any life nobody pays without access, nothing paid for is lost, and all sums add up', () => {
  inAnyLife(
    (lived) => {
      // The books of the onlooker are held against every step while the life is lived.
      expectEachPaymentUsedOnce(lived);
      expectRevenueToAddUp(lived);
    },
    { numRuns: 500 },
  );
}, 120_000);

/** Each payment buys one period, one upgrade, or goes back whole. */
function expectEachPaymentUsedOnce({ payments, moves }: Lived): void {
  const paid = moves.flatMap((move) => (move.paid ? [move.paid] : []));
  expect(paid).toHaveLength(payments);
  expect(new Set(paid.map(({ chargeId }) => chargeId)).size).toBe(payments);
  const refunded = new Map<string, number>();
  for (const { chargeId, amountMinor } of moves.flatMap(({ refunds }) => refunds)) {
    refunded.set(chargeId, (refunded.get(chargeId) ?? 0) + amountMinor);
  }
  for (const { chargeId, amountMinor, bought } of paid) {
    const back = refunded.get(chargeId) ?? 0;
    if (bought === 'nothing') expect(back).toBe(amountMinor);
    expect(back).toBeLessThanOrEqual(amountMinor);
  }
  expect([...refunded.keys()].filter((id) => !paid.some(({ chargeId }) => chargeId === id))).toEqual([]);
}

/** Monthly recurring revenue is the sum of its changes. */
function expectRevenueToAddUp({ moves, states }: Lived): void {
  const sum = moves.reduce((total, { mrrChangeMinor }) => total + mrrChangeMinor, 0);
  expect(sum).toBe(mrrMinor(states.at(-1) as Subscription));
}

test('the database takes every state of any life', async () => {
  const byKind = new Map<string, Subscription[]>();
  const keep = (state: Subscription) => {
    const kind = `${state.status} ${state.charge?.state ?? 'none'}`;
    const known = byKind.get(kind) ?? [];
    if (known.length < 60) byKind.set(kind, [...known, state]);
  };
  // The seed is fixed so that none is missed of all that the table of the lifecycle leads to.
  inAnyLife(({ states }) => states.forEach(keep), { numRuns: 300, seed: 4 });
  expect([...byKind.keys()]).toHaveLength(17);
  for (const state of [...byKind.values()].flat()) {
    await pool.query(insertSubscription({ ...toRow(state), id: uuidv7(), chargeId: state.charge && uuidv7() }));
  }
}, 120_000);
