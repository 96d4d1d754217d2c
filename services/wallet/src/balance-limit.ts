import { type Currency, MAX_AMOUNT_MINOR } from '@evergreen/contracts/money.ts';
import { invalidField, type Problem } from '@evergreen/service-kit/problem.ts';
import type pg from 'pg';
import { userAccountId } from './decisions/accounts.ts';

/**
 * Whoever adds to a balance, or to what is on its way to it, takes turns here until the transaction ends, so that two cannot
 * both find room for themselves alone. The account need not exist yet. Who locks accounts as well locks them first.
 */
export async function takeTurns(client: pg.PoolClient, accountIds: readonly string[]): Promise<void> {
  await client.query('SELECT pg_advisory_xact_lock(hashtextextended(id, 0)) FROM unnest($1::text[]) AS id', [
    accountIds,
  ]);
}

/**
 * To be called once the transaction has written what it adds: the balance, with all that is on its way to it, has to stay
 * one that can be kept. Money that is captured could else never be credited.
 * @throws Problem validation_failed about body.amount, above 2^53-1; the transaction must then end without a commit
 */
export async function requireRoom(client: pg.PoolClient, userId: string, currency: Currency): Promise<void> {
  await takeTurns(client, [userAccountId(userId, currency)]);
  const { rows } = await client.query<{ total: string }>(
    `SELECT (SELECT coalesce(sum(balance), 0) FROM account WHERE user_id = $1 AND currency = $2)
          + (SELECT coalesce(sum(amount), 0) FROM top_up WHERE user_id = $1 AND currency = $2 AND status = 'processing')
            AS total`,
    [userId, currency],
  );
  if (BigInt(rows[0]?.total ?? 0) > BigInt(MAX_AMOUNT_MINOR)) throw noRoom();
}

/** What the database refused as more than a balance can be becomes a Problem; every other error stays what it is. */
export function orNoRoom(error: unknown): unknown {
  const { constraint } = error as { constraint?: string };
  // The new balance stands in both tables, and either may object first.
  return constraint === 'account_balance_check' || constraint === 'transfer_balance_after_check' ? noRoom() : error;
}

const noRoom = (): Problem => invalidField('body.amount', `would take the balance above ${MAX_AMOUNT_MINOR}`);
