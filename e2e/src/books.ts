import { QUEUES } from '@evergreen/contracts/topology.ts';
import { connectToAny } from '@evergreen/service-kit/broker-nodes.ts';
import { deadQueue } from '@evergreen/service-kit/topology.ts';
import type { TestStack } from '@evergreen/stack/testing.ts';
import { expect } from '@jest/globals';
import pg from 'pg';
import { LEGAL_MOVES } from './legal-moves.ts';

/*
 * What must hold between the databases of the wallet and of subscriptions once everything has settled. They are only read here.
 */

export interface Books {
  wallet: pg.Pool;
  subscriptions: pg.Pool;
  close(): Promise<void>;
}

export function openBooks(stack: TestStack): Books {
  const [wallet, subscriptions] = (['wallet', 'subscriptions'] as const).map(
    (service) => new pg.Pool({ connectionString: stack.databases[service].url, max: 2 }),
  ) as [pg.Pool, pg.Pool];
  return { wallet, subscriptions, close: async () => void (await Promise.all([wallet.end(), subscriptions.end()])) };
}

/** Each has no rows as long as its rule holds. `$1` are the users. */
const IN_THE_WALLET: Record<string, string> = {
  'a balance is the sum of its transfers, and never below zero': `
    SELECT a.user_id, a.balance, s.sum FROM account a CROSS JOIN LATERAL (
      SELECT coalesce(sum(CASE WHEN t.credit_account_id = a.id THEN t.amount ELSE -t.amount END), 0) AS sum,
             coalesce(min(t.balance_after), 0) AS lowest
      FROM transfer t WHERE t.account_id = a.id) s
    WHERE a.user_id = ANY ($1::uuid[]) AND (a.balance <> s.sum OR s.lowest < 0)`,
  'a charge is debited once if it was paid, and else never': `
    SELECT c.id, c.status, c.amount, d.debits, d.sum FROM charge c CROSS JOIN LATERAL (
      SELECT count(*) AS debits, coalesce(sum(amount), 0) AS sum FROM transfer t
      WHERE t.kind = 'charge' AND t.reference = c.id) d
    WHERE c.user_id = ANY ($1::uuid[]) AND (d.debits, d.sum) IS DISTINCT FROM
      CASE WHEN c.status IN ('paid', 'refunded') THEN (1::bigint, c.amount::numeric) ELSE (0::bigint, 0::numeric) END`,
  'a charge that waits is larger than the balance it waits for': `
    SELECT c.id, c.amount, a.balance FROM charge c JOIN account a ON a.id = c.account_id
    WHERE c.user_id = ANY ($1::uuid[]) AND c.status = 'awaiting_funds' AND c.amount <= a.balance`,
};

/** Months have 30.4375 days, and years 365.25: the contract of `mrr` in the operator's metrics. */
const MRR = `CASE WHEN s.status IN ('active', 'pending_renewal') THEN round(s.price_amount::numeric *
    CASE s.interval_unit WHEN 'day' THEN 365.25 WHEN 'week' THEN 365.25 / 7 WHEN 'month' THEN 12 ELSE 1 END
    / 12 / s.interval_count) ELSE 0 END`;

const IN_SUBSCRIPTIONS: Record<string, string> = {
  // An upgrade to another interval ends the period it takes the place of, and sets off what is unused of it.
  'two periods of one subscription never overlap': `
    SELECT a.subscription_id, a.charge_id, b.charge_id AS other FROM paid_charge a JOIN paid_charge b
      ON a.subscription_id = b.subscription_id AND a.charge_id < b.charge_id
    JOIN subscription s ON s.id = a.subscription_id
    WHERE s.user_id = ANY ($1::uuid[]) AND a.bought = 'period' AND b.bought = 'period'
      AND a.period_start < b.period_end AND b.period_start < a.period_end
      AND NOT EXISTS (SELECT FROM paid_charge u WHERE u.subscription_id = s.id AND u.bought = 'upgrade'
                      AND u.paid_at BETWEEN least(a.paid_at, b.paid_at) AND greatest(a.paid_at, b.paid_at))`,
  'what bought nothing is asked back whole, and of no charge more than it was': `
    SELECT p.charge_id, p.bought, p.amount, r.sum FROM paid_charge p JOIN subscription s ON s.id = p.subscription_id
    CROSS JOIN LATERAL (SELECT coalesce(sum(amount), 0) AS sum FROM refund_asked r WHERE r.charge_id = p.charge_id) r
    WHERE s.user_id = ANY ($1::uuid[]) AND (r.sum > p.amount OR (p.bought = 'nothing' AND r.sum <> p.amount))`,
  'monthly revenue is the sum of its changes': `
    SELECT s.id, s.status, ${MRR} AS mrr, t.sum FROM subscription s CROSS JOIN LATERAL (
      SELECT sum(mrr_change) AS sum FROM timeline_entry t WHERE t.subscription_id = s.id) t
    WHERE s.user_id = ANY ($1::uuid[]) AND ${MRR} <> t.sum`,
  'each move begins where the one before ended, and none is missing': `
    SELECT * FROM (
      SELECT t.subscription_id, t.version, t.from_status, t.to_status, row_number() OVER life AS number,
             lag(t.to_status) OVER life AS came_from
      FROM timeline_entry t JOIN subscription s ON s.id = t.subscription_id WHERE s.user_id = ANY ($1::uuid[])
      WINDOW life AS (PARTITION BY t.subscription_id ORDER BY t.version)) moves
    WHERE version <> number OR from_status IS DISTINCT FROM came_from`,
  'the last move leads to where it stands': `
    SELECT s.id, s.status, s.version, t.to_status, t.version AS last FROM subscription s
    LEFT JOIN LATERAL (SELECT version, to_status FROM timeline_entry t WHERE t.subscription_id = s.id
                       ORDER BY version DESC LIMIT 1) t ON true
    WHERE s.user_id = ANY ($1::uuid[]) AND (t.version, t.to_status) IS DISTINCT FROM (s.version, s.status)`,
};

/** All that can be said of the money and the moves of these users at rest. */
export async function expectBooksToAgree(books: Books, userIds: readonly string[]): Promise<void> {
  const broken: Record<string, unknown[]> = {};
  const note = (rule: string, rows: unknown[]) => {
    if (rows.length > 0) broken[rule] = rows.slice(0, 5);
  };
  for (const [rule, sql] of Object.entries(IN_THE_WALLET)) note(rule, (await books.wallet.query(sql, [userIds])).rows);
  for (const [rule, sql] of Object.entries(IN_SUBSCRIPTIONS)) {
    note(rule, (await books.subscriptions.query(sql, [userIds])).rows);
  }
  note('every move is a legal one', await illegalMoves(books, userIds));
  expect(broken).toEqual({});
  expect(await paidHere(books, userIds)).toEqual(await paidInTheWallet(books, userIds));
  expect(await askedBack(books, userIds)).toEqual(await givenBack(books, userIds));
  expect(await waitedFor(books, userIds)).toEqual(await waiting(books, userIds));
}

async function illegalMoves({ subscriptions }: Books, userIds: readonly string[]): Promise<unknown[]> {
  const { rows } = await subscriptions.query(
    `SELECT DISTINCT t.trigger, t.from_status, t.to_status FROM timeline_entry t
     JOIN subscription s ON s.id = t.subscription_id WHERE s.user_id = ANY ($1::uuid[])`,
    [userIds],
  );
  return rows.filter(
    ({ trigger, from_status, to_status }) => !LEGAL_MOVES[trigger]?.includes(`${from_status ?? ''} > ${to_status}`),
  );
}

type Line = (string | number)[];

const lines = async (pool: pg.Pool, text: string, userIds: readonly string[]): Promise<Line[]> =>
  (await pool.query<Line[]>({ text, values: [userIds], rowMode: 'array' })).rows as unknown as Line[];

const paidInTheWallet = ({ wallet }: Books, userIds: readonly string[]) =>
  lines(
    wallet,
    `SELECT id, subscription_id, user_id, amount, currency FROM charge
     WHERE user_id = ANY ($1::uuid[]) AND status IN ('paid', 'refunded') ORDER BY id`,
    userIds,
  );

const paidHere = ({ subscriptions }: Books, userIds: readonly string[]) =>
  lines(
    subscriptions,
    `SELECT p.charge_id, p.subscription_id, s.user_id, p.amount, p.currency FROM paid_charge p
     JOIN subscription s ON s.id = p.subscription_id WHERE s.user_id = ANY ($1::uuid[]) ORDER BY p.charge_id`,
    userIds,
  );

const givenBack = ({ wallet }: Books, userIds: readonly string[]) =>
  lines(
    wallet,
    `SELECT r.id, r.charge_id, r.user_id, r.amount, r.currency FROM refund r JOIN transfer t ON t.kind = 'refund' AND t.reference = r.id
     WHERE r.user_id = ANY ($1::uuid[]) AND r.status = 'succeeded' AND t.amount = r.amount ORDER BY r.id`,
    userIds,
  );

const askedBack = ({ subscriptions }: Books, userIds: readonly string[]) =>
  lines(
    subscriptions,
    `SELECT r.id, r.charge_id, s.user_id, r.amount, r.currency FROM refund_asked r
     JOIN subscription s ON s.id = r.subscription_id WHERE s.user_id = ANY ($1::uuid[]) ORDER BY r.id`,
    userIds,
  );

/** No charge waits for money that nobody waits for any more: a later top-up would pay it for nothing. */
const waiting = ({ wallet }: Books, userIds: readonly string[]) =>
  lines(
    wallet,
    `SELECT id, subscription_id, amount FROM charge WHERE user_id = ANY ($1::uuid[]) AND status = 'awaiting_funds' ORDER BY id`,
    userIds,
  );

const waitedFor = ({ subscriptions }: Books, userIds: readonly string[]) =>
  lines(
    subscriptions,
    `SELECT charge_id, id, charge_amount FROM subscription
     WHERE user_id = ANY ($1::uuid[]) AND charge_id IS NOT NULL ORDER BY charge_id`,
    userIds,
  );

/** Nothing was ever set aside as a message that cannot be handled. */
export async function expectNoDeadLetters(stack: TestStack): Promise<void> {
  const connection = await connectToAny(stack.amqpUrl);
  const channel = await connection.createChannel();
  const dead: Record<string, number> = {};
  for (const { name } of QUEUES) {
    const { messageCount } = await channel.checkQueue(deadQueue(name));
    if (messageCount > 0) dead[name] = messageCount;
  }
  await connection.close();
  expect(dead).toEqual({});
}
