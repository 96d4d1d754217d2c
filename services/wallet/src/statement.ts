import type { TopUp, Transaction, Wallet } from '@evergreen/contracts/http/wallet.ts';
import type { Currency } from '@evergreen/contracts/money.ts';
import type { PageQuery } from '@evergreen/contracts/primitives.ts';
import { decodeCursor, pageOf } from '@evergreen/service-kit/page.ts';
import { Problem } from '@evergreen/service-kit/problem.ts';
import type { PrismaClient, TopUp as TopUpRecord } from './generated/client.ts';

/** The user's balances, one a currency, in alphabetical order. A user without money has none. */
export async function readWallet(prisma: PrismaClient, userId: string): Promise<Wallet> {
  const accounts = await prisma.account.findMany({ where: { userId, kind: 'user' }, orderBy: { currency: 'asc' } });
  return {
    balances: accounts.map(({ currency, balance }) => ({ currency: currency as Currency, amount: Number(balance) })),
  };
}

/** One page of the user's statement, newest first. */
export async function readTransactions(prisma: PrismaClient, userId: string, { limit = 20, cursor }: PageQuery) {
  const rows = await prisma.transfer.findMany({
    where: { account: { userId }, ...(cursor ? { seq: { lt: decodeCursor(cursor) } } : {}) },
    orderBy: { seq: 'desc' },
    take: limit + 1,
  });
  return pageOf(rows, limit, (row): Transaction => {
    const kind = row.kind as Transaction['kind'];
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
  });
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
