import type { StatementQuery, TopUp, Transaction, Wallet } from '@evergreen/contracts/http/wallet.ts';
import type { Currency } from '@evergreen/contracts/money.ts';
import type { PageQuery } from '@evergreen/contracts/primitives.ts';
import { decodeCursor, pageOf } from '@evergreen/service-kit/page.ts';
import { invalidField, Problem } from '@evergreen/service-kit/problem.ts';
import type pg from 'pg';
import type { PrismaClient, TopUp as TopUpRecord } from './generated/client.ts';
import { READ_STATEMENT } from './sql/read-statement.ts';

/** The user's balances, one a currency, in alphabetical order. A user without money has none. */
export async function readWallet(prisma: PrismaClient, userId: string): Promise<Wallet> {
  const accounts = await prisma.account.findMany({ where: { userId, kind: 'user' }, orderBy: { currency: 'asc' } });
  return {
    balances: accounts.map(({ currency, balance }) => ({ currency: currency as Currency, amount: Number(balance) })),
  };
}

/** One line of a statement as the ledger has it. */
export interface StatementRow {
  seq: bigint | number;
  id: string;
  kind: string;
  reference: string;
  accountId: string;
  creditAccountId: string;
  currency: string;
  amount: bigint | number;
  balanceAfter: bigint | number;
  description: string;
  businessTime: Date;
}

/** Beyond every `seq`. */
const NEWEST = 2n ** 63n - 1n;

/**
 * Up to `take` lines of the user's statement that pass the filters, newest first, from before `before` on.
 * @throws Problem validation_failed when `from` or `to` is out of range
 */
export async function readStatement(
  pool: pg.Pool,
  userId: string,
  query: Pick<StatementQuery, 'kind' | 'currency' | 'from' | 'to'> & { before?: bigint | undefined; take: number },
): Promise<StatementRow[]> {
  const { kind, currency, from, to, before = NEWEST, take } = query;
  // To its owner a payout is the second half of a refund.
  const kinds = kind === 'refund' ? ['refund', 'payout'] : kind ? [kind] : null;
  const values = [userId, currency ?? null, kinds, instant('from', from), instant('to', to), String(before), take];
  const { rows } = await pool.query<StatementRow>({ ...READ_STATEMENT, values });
  return rows;
}

/** The schema lets a leap second pass, which no clock here knows, and offsets that lead out of the years Postgres reads. */
function instant(name: 'from' | 'to', text: string | undefined): string | null {
  if (text === undefined) return null;
  const atMs = Date.parse(text);
  if (atMs >= EARLIEST_MS && atMs < LATEST_MS) return new Date(atMs).toISOString();
  throw invalidField(`query.${name}`, 'is not an instant of the years 1 to 9998');
}

const EARLIEST_MS = Date.parse('0001-01-01T00:00:00Z');
const LATEST_MS = Date.parse('9999-01-01T00:00:00Z');

/** One page of the user's statement, newest first. */
export async function readTransactions(pool: pg.Pool, userId: string, query: StatementQuery) {
  const { limit = 20, cursor, ...filter } = query;
  const before = cursor === undefined ? undefined : decodeCursor(cursor);
  const rows = await readStatement(pool, userId, { ...filter, before, take: limit + 1 });
  return pageOf(rows, limit, transactionOf);
}

/** A line as its owner sees it: what left the balance is below zero, and a payout is a refund. */
export function transactionOf(row: StatementRow): Transaction {
  const kind = row.kind === 'payout' ? 'refund' : (row.kind as Transaction['kind']);
  const incoming = row.creditAccountId === row.accountId;
  return {
    id: row.id,
    kind,
    amount: incoming ? Number(row.amount) : -Number(row.amount),
    currency: row.currency as Currency,
    balanceAfter: Number(row.balanceAfter),
    description: row.description,
    reference: { type: kind, id: row.reference },
    createdAt: row.businessTime.toISOString(),
  };
}

/** One page of the user's top-ups, newest first. */
export async function readTopUps(prisma: PrismaClient, userId: string, { limit = 20, cursor }: PageQuery) {
  const rows = await prisma.topUp.findMany({
    where: { userId, ...(cursor ? { seq: { lt: decodeCursor(cursor) } } : {}) },
    orderBy: { seq: 'desc' },
    take: limit + 1,
  });
  return pageOf(rows, limit, topUpOf);
}

/** @throws Problem not_found, also for the top-up of somebody else */
export async function readTopUp(prisma: PrismaClient, userId: string, id: string): Promise<TopUp> {
  const row = await prisma.topUp.findFirst({ where: { id, userId } });
  if (!row) throw new Problem('not_found', 'You have no such top-up');
  return topUpOf(row);
}

const topUpOf = (row: TopUpRecord): TopUp => ({
  id: row.id,
  status: row.status as TopUp['status'],
  amount: Number(row.amount),
  currency: row.currency as Currency,
  paymentMethod: row.paymentMethod,
  ...(row.failureCode ? { failure: { code: row.failureCode, message: row.failureMessage ?? '' } } : {}),
  createdAt: row.businessTime.toISOString(),
});
