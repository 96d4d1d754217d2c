import type { AdjustmentBody, Transaction } from '@evergreen/contracts/http/wallet.ts';
import { iso } from '@evergreen/service-kit/clock.ts';
import { inTransaction } from '@evergreen/service-kit/database.ts';
import { Problem } from '@evergreen/service-kit/problem.ts';
import type pg from 'pg';
import type { Refill } from './auto-top-up.ts';
import { orNoRoom, requireRoom } from './balance-limit.ts';
import { type Command, Refused } from './decisions/accounts.ts';
import type { PrismaClient } from './generated/client.ts';
import { postToLedger } from './ledger-store.ts';
import { transactionOf } from './statement.ts';

export interface Adjustment extends AdjustmentBody {
  /** Carried out at most once under this id. */
  id: string;
  userId: string;
  operatorId: string;
  correlationId: string;
}

/**
 * Credits or debits a balance because an operator says so, and says why. A credit settles waiting charges. The same id again
 * changes nothing and answers what was done under it.
 * @throws Problem insufficient_funds; validation_failed when the balance could pass 2^53-1
 */
export async function adjustBalance(
  deps: { pool: pg.Pool; prisma: PrismaClient; wakeOutbox: () => void } & Refill,
  adjustment: Adjustment,
): Promise<Transaction> {
  const { id, userId, currency } = adjustment;
  const command = commandOf(adjustment, iso(await deps.clock.now()));
  try {
    await inTransaction(deps.pool, async (client) => {
      await postToLedger(client, [command], deps);
      if (command.type === 'adjust_up') await requireRoom(client, userId, currency);
    });
  } catch (error) {
    // A request that is run again after a crash may fail on what its first run has done, so that is looked for first.
    const done = await findAdjustment(deps.prisma, id);
    if (!done) throw problemOf(error);
    return done;
  }
  deps.wakeOutbox();
  const done = await findAdjustment(deps.prisma, id);
  if (!done) throw new Error(`adjustment ${id} was posted and is not there`);
  return done;
}

function commandOf(adjustment: Adjustment, businessTime: string): Command & { type: 'adjust_up' | 'adjust_down' } {
  const { id: reference, userId, currency, amount, reason: description, operatorId, correlationId } = adjustment;
  const type = 'POST /v1/wallets/{userId}/adjustments';
  const cause = { type, correlationId, causationId: null, actorId: operatorId };
  const entry = { reference, userId, currency, amount: Math.abs(amount), description, businessTime, cause };
  return { type: amount > 0 ? 'adjust_up' : 'adjust_down', entry };
}

function problemOf(error: unknown): unknown {
  return error instanceof Refused ? new Problem('insufficient_funds', error.message) : orNoRoom(error);
}

async function findAdjustment(prisma: PrismaClient, reference: string): Promise<Transaction | undefined> {
  const row = await prisma.transfer.findUnique({ where: { kind_reference: { kind: 'adjustment', reference } } });
  return row ? transactionOf(row) : undefined;
}
