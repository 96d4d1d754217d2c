import type pg from 'pg';
import type { Logger } from 'pino';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Transfer } from './decisions/accounts.ts';

/** Summing up all accounts takes a while where there are many, and the sum is of use even when it is a minute old. */
const TOTALS_MAX_AGE_MS = 60_000;

const TOTALS = `
  SELECT currency, sum(balance)::float8 AS balance, 0 AS waiting, 0::float8 AS waiting_amount
  FROM account WHERE kind = 'user' GROUP BY currency
  UNION ALL
  SELECT currency, 0, count(*)::int, sum(amount)::float8 FROM charge WHERE status = 'awaiting_funds' GROUP BY currency`;

interface TotalsRow {
  currency: string;
  balance: number;
  waiting: number;
  waiting_amount: number;
}

/**
 * The ledger's totals on /metrics: what is owed to users, what waits for their money, and what this process has posted.
 * @returns to be called with transfers that are committed
 */
export function observeLedger(deps: { pool: pg.Pool; logger: Logger; metrics: Registry; maxAgeMs?: number }) {
  const { pool, logger, metrics, maxAgeMs = TOTALS_MAX_AGE_MS } = deps;
  const registers = [metrics];
  const labelNames = ['kind', 'currency'];
  const transfers = new Counter({
    name: 'evergreen_wallet_transfers_total',
    help: 'Transfers posted to the ledger',
    labelNames,
    registers,
  });
  const amounts = new Counter({
    name: 'evergreen_wallet_transferred_minor_units_total',
    help: 'Money moved by transfers, in minor units of its currency',
    labelNames,
    registers,
  });
  const read = keepFor(maxAgeMs, async () => (await pool.query<TotalsRow>(TOTALS)).rows);
  const gauge = (name: string, help: string, pick: (row: TotalsRow) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ['currency'],
      registers,
      async collect() {
        try {
          const rows = await read();
          this.reset();
          for (const row of rows) this.inc({ currency: row.currency }, pick(row));
        } catch (err) {
          logger.warn({ err }, 'the ledger cannot be summed up');
        }
      },
    });
  gauge('evergreen_wallet_user_balance_minor_units', 'Sum of the balances of all users', ({ balance }) => balance);
  gauge('evergreen_wallet_waiting_charges', 'Charges that wait for funds', ({ waiting }) => waiting);
  gauge('evergreen_wallet_waiting_charges_minor_units', 'Money that charges wait for', (row) => row.waiting_amount);
  return (posted: readonly Transfer[]): void => {
    for (const { kind, currency, amount } of posted) {
      transfers.inc({ kind, currency });
      amounts.inc({ kind, currency }, amount);
    }
  };
}

/** Reads anew once what was read is too old; a failure is not kept. */
function keepFor<T>(maxAgeMs: number, read: () => Promise<T>): () => Promise<T> {
  let kept: Promise<T> | undefined;
  let readAtMs = 0;
  return () => {
    if (!kept || performance.now() - readAtMs > maxAgeMs) {
      readAtMs = performance.now();
      kept = read().catch((error) => {
        kept = undefined;
        throw error;
      });
    }
    return kept;
  };
}
