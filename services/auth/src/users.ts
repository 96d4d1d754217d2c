import type { OperatorUser, OperatorUserQuery } from '@evergreen/contracts/http/auth.ts';
import { decodeIdCursor, idPageOf } from '@evergreen/service-kit/page.ts';
import { Problem } from '@evergreen/service-kit/problem.ts';
import { type Account, asAccount, userOf } from './accounts.ts';
import { Prisma, type PrismaClient } from './generated/client.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * One page of the accounts, newest first: with `q` those whose email begins with it, or the one with this id. Ids are UUIDv7, so
 * their order is that of time. An index on the email serves the search.
 * @throws Problem validation_failed for a cursor that is none
 */
export async function findUsers(prisma: PrismaClient, { q, limit = 20, cursor }: OperatorUserQuery) {
  const text = q?.trim().toLowerCase() ?? '';
  if (UUID.test(text)) {
    const row = cursor === undefined ? await prisma.account.findUnique({ where: { id: text } }) : null;
    return { data: row ? [viewOf(asAccount(row))] : [], nextCursor: null };
  }
  const filters = [
    ...(text === '' ? [] : [Prisma.sql`email LIKE ${`${literally(text)}%`}`]),
    ...(cursor === undefined ? [] : [Prisma.sql`id < ${decodeIdCursor(cursor)}::uuid`]),
  ];
  const where = filters.length > 0 ? Prisma.sql`WHERE ${Prisma.join(filters, ' AND ')}` : Prisma.empty;
  const rows = await prisma.$queryRaw<Account[]>`
    SELECT id, email, role, time_zone AS "timeZone", locale, created_at AS "createdAt"
      FROM account ${where} ORDER BY id DESC LIMIT ${limit + 1}`;
  return idPageOf(rows, limit, viewOf);
}

/** @throws Problem not_found */
export async function readUser(prisma: PrismaClient, id: string): Promise<OperatorUser> {
  const row = await prisma.account.findUnique({ where: { id } });
  if (!row) throw new Problem('not_found', 'There is no such account');
  return viewOf(asAccount(row));
}

/** Never the hash of the password. */
const viewOf = (account: Account): OperatorUser => ({
  ...userOf(account),
  createdAt: account.createdAt.toISOString(),
});

/** Text as it stands, where LIKE would see a pattern. */
const literally = (text: string): string => text.replace(/[\\%_]/g, '\\$&');
