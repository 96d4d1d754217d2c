import type { AutoTopUp, AutoTopUpBody } from '@evergreen/contracts/http/wallet.ts';
import type { Currency } from '@evergreen/contracts/money.ts';
import { inTransaction } from '@evergreen/service-kit/database.ts';
import { invalidField, Problem } from '@evergreen/service-kit/problem.ts';
import type pg from 'pg';
import { type Refill, refillAccounts } from './auto-top-up.ts';
import { userAccountId } from './decisions/accounts.ts';
import type { AutoTopUp as AutoTopUpRecord, PrismaClient } from './generated/client.ts';
import { ENSURE_ACCOUNTS, LOCK_ACCOUNTS } from './sql/lock-accounts.ts';

/** The user's settings, one a currency, of one currency or all; none where automatic top-up was never set. */
export async function readAutoTopUps(
  prisma: PrismaClient,
  userId: string,
  currency: Currency | undefined,
): Promise<AutoTopUp[]> {
  const rows = await prisma.autoTopUp.findMany({
    where: { userId, ...(currency ? { currency } : {}) },
    orderBy: { currency: 'asc' },
  });
  return rows.map(settingsOf);
}

/**
 * Sets automatic top-up of one currency. A change begins anew: declines and rests of before are forgotten, and charges that
 * wait are topped up for at once. The same settings again change nothing.
 * @throws Problem validation_failed when it is enabled without a payment method, or its amount never fits under its cap;
 * unknown_payment_method
 */
export async function setAutoTopUp(
  deps: { pool: pg.Pool; prisma: PrismaClient } & Refill,
  { userId, correlationId, ...settings }: AutoTopUpBody & { userId: string; correlationId: string },
): Promise<AutoTopUp> {
  const { enabled, currency, paymentMethodId, threshold, amount, maxPerDay } = settings;
  if (enabled && paymentMethodId === null) throw invalidField('body.paymentMethodId', 'is needed to enable it');
  if (maxPerDay < amount) throw invalidField('body.maxPerDay', 'must be at least amount');
  const accountId = userAccountId(userId, currency);
  await inTransaction(deps.pool, async (client) => {
    // The account is locked first, and made if need be: a charge that comes meanwhile then sees these settings, or is seen here.
    await client.query({ ...ENSURE_ACCOUNTS, values: [[userId], [currency], [accountId]] });
    await client.query({ ...LOCK_ACCOUNTS, values: [[accountId]] });
    if (paymentMethodId !== null) await requirePaymentMethod(client, userId, paymentMethodId);
    const { rowCount } = await client.query(SET, [
      ...[userId, currency, enabled, paymentMethodId, threshold, amount, maxPerDay],
    ]);
    if (rowCount === 1) await refillAccounts(client, [{ accountId, wasDebited: false, correlationId }], deps);
  });
  const row = await deps.prisma.autoTopUp.findUniqueOrThrow({ where: { userId_currency: { userId, currency } } });
  return settingsOf(row);
}

const SET = `
  INSERT INTO auto_top_up AS old (user_id, currency, enabled, payment_method_id, threshold, amount, max_per_day)
  VALUES ($1, $2, $3, $4, $5, $6, $7)
  ON CONFLICT (user_id, currency) DO UPDATE
    SET enabled = excluded.enabled, payment_method_id = excluded.payment_method_id, threshold = excluded.threshold,
        amount = excluded.amount, max_per_day = excluded.max_per_day, declines = 0, rests_until = NULL, last_failure = NULL
    WHERE (old.enabled, old.payment_method_id, old.threshold, old.amount, old.max_per_day) IS DISTINCT FROM
          (excluded.enabled, excluded.payment_method_id, excluded.threshold, excluded.amount, excluded.max_per_day)`;

async function requirePaymentMethod(client: pg.PoolClient, userId: string, id: string): Promise<void> {
  const { rows } = await client.query('SELECT FROM payment_method WHERE id = $1 AND user_id = $2 FOR KEY SHARE', [
    id,
    userId,
  ]);
  if (rows.length === 0) throw new Problem('unknown_payment_method', 'You have no such saved payment method');
}

/** Whose payment method was deleted is off, whatever the row says, and says why. */
function settingsOf(row: AutoTopUpRecord): AutoTopUp {
  const hasLostMethod = row.enabled && row.paymentMethodId === null;
  return {
    enabled: row.enabled && !hasLostMethod,
    currency: row.currency as Currency,
    paymentMethodId: row.paymentMethodId,
    threshold: Number(row.threshold),
    amount: Number(row.amount),
    maxPerDay: Number(row.maxPerDay),
    restsUntil: hasLostMethod ? null : (row.restsUntil?.toISOString() ?? null),
    lastFailure: hasLostMethod ? 'payment_method_deleted' : row.lastFailure,
  };
}
