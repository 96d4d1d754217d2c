import type { Plan, Subscription } from '@evergreen/contracts/http/subscriptions.ts';
import type { Claims } from '@evergreen/stack/test-tokens.ts';
import type { TestStack } from '@evergreen/stack/testing.ts';
import { newKey } from './api.ts';
import type { Books } from './books.ts';
import { advance } from './crowd.ts';
import { newPlan, type Person } from './people.ts';

/** The running services as one run of lives uses them. */
export interface World {
  stack: TestStack;
  books: Books;
  operator: Person;
  users: Person[];
  plans: Plan[];
}

/** A charge in the wallet's books, which know nothing of subscriptions but their ids. */
export interface Charge {
  id: string;
  subscriptionId: string;
  status: 'awaiting_funds' | 'paid' | 'voided' | 'refunded';
  amount: number;
  refunded: number;
  /** The time that was asked for. */
  start: Temporal.Instant;
  end: Temporal.Instant;
  settledAt: Temporal.Instant | null;
}

/** Everything as it can be seen from outside at one moment of rest. */
export interface Snapshot {
  now: Temporal.Instant;
  /** By user. */
  balances: number[];
  /** By id. */
  subscriptions: Map<string, Subscription>;
  /** By subscription, oldest first. */
  charges: Map<string, Charge[]>;
}

const TIME_ZONES = ['UTC', 'Europe/Amsterdam', 'America/New_York', 'Pacific/Auckland'];

/** New users and new plans, so that runs do not meet. */
export async function newWorld(
  { stack, books, operator }: Pick<World, 'stack' | 'books' | 'operator'>,
  newPerson: (claims: Claims) => Person,
  { userCount, offers }: { userCount: number; offers: readonly Record<string, unknown>[] },
): Promise<World> {
  const users = Array.from({ length: userCount }, (_, n) => newPerson({ timeZone: TIME_ZONES[n % 4] ?? 'UTC' }));
  const plans: Plan[] = [];
  for (const [index, offer] of offers.entries()) {
    plans.push((await newPlan(operator, { name: `Plan ${index}`, ...offer })) as Plan);
  }
  return { stack, books, operator, users, plans };
}

/** Waits until nothing moves any more; the clock goes on by a millisecond. */
export const settle = ({ operator }: World) => advance(operator, { by: 'PT0.001S' });

export async function look({ books, operator, users }: World): Promise<Snapshot> {
  const wallets = Promise.all(users.map((user) => user.call('/wallet')));
  const lists = Promise.all(users.map((user) => user.call('/subscriptions?limit=100')));
  const { rows } = await books.wallet.query(
    `SELECT id, subscription_id, status, amount, refunded_amount, period_start, period_end, settled_at FROM charge
     WHERE user_id = ANY ($1::uuid[]) ORDER BY seq`,
    [users.map(({ id }) => id)],
  );
  const charges = rows.map(
    (row): Charge => ({
      id: row.id,
      subscriptionId: row.subscription_id,
      status: row.status,
      amount: Number(row.amount),
      refunded: Number(row.refunded_amount),
      start: instant(row.period_start),
      end: instant(row.period_end),
      settledAt: row.settled_at && instant(row.settled_at),
    }),
  );
  const subscriptions = (await lists).flatMap(({ body }) => body.data as Subscription[]);
  return {
    now: Temporal.Instant.from((await operator.call('/clock')).body.now),
    balances: (await wallets).map(({ body }) => body.balances[0]?.amount ?? 0),
    subscriptions: new Map(subscriptions.map((one) => [one.id, one])),
    charges: Map.groupBy(charges, ({ subscriptionId }) => subscriptionId),
  };
}

const instant = (date: Date): Temporal.Instant => Temporal.Instant.fromEpochMilliseconds(date.getTime());

/** A request that a user makes of a subscription. */
export const ask = (user: Person, id: string, command: string, body?: Record<string, unknown>) =>
  user.call(`/subscriptions/${id}/${command}`, { method: 'POST', key: newKey(), ...(body && { body }) });
