import type { FaultRates, Faults, FaultsPatch } from '@evergreen/contracts/http/gateway.ts';
import { invalidField } from '@evergreen/service-kit/problem.ts';
import type pg from 'pg';
import type { PrismaClient } from './generated/client.ts';
import { CHANGE_FAULTS, NEXT_ATTEMPT, READ_OUTAGE } from './sql/fault-setting.ts';

/** The setting is one row of the database: every replica plays the same faults, also after a restart. */
interface FaultRow {
  seed: number | bigint;
  latencyP50Ms: number;
  latencyP99Ms: number;
  rates: unknown;
  outage: boolean;
}

const faultsOf = (row: FaultRow): Faults => ({
  seed: Number(row.seed),
  latency: { p50Ms: row.latencyP50Ms, p99Ms: row.latencyP99Ms },
  rates: row.rates as FaultRates,
  outage: row.outage,
});

export async function readFaults(prisma: PrismaClient): Promise<Faults> {
  return faultsOf(await prisma.faultSetting.findUniqueOrThrow({ where: { id: true } }));
}

/**
 * Changes what the patch names and answers the whole setting.
 * @throws Problem validation_failed when p99 is below p50
 */
export async function changeFaults(pool: pg.Pool, { seed, latency, rates, outage }: FaultsPatch): Promise<Faults> {
  if (latency && latency.p99Ms < latency.p50Ms) {
    throw invalidField('body.latency.p99Ms', 'must be at least latency.p50Ms');
  }
  const values = [seed, latency?.p50Ms, latency?.p99Ms, rates && JSON.stringify(rates), outage];
  return faultsOf(only(await pool.query<FaultRow>({ ...CHANGE_FAULTS, values })));
}

/** Whether the provider is said to be down at this moment. */
export async function isOutage(pool: pg.Pool): Promise<boolean> {
  return only(await pool.query<{ outage: boolean }>(READ_OUTAGE)).outage;
}

/** Numbers an attempt to pay or to refund, from 1 after each setting of the seed, and reads the setting it runs under. */
export async function nextAttempt(pool: pg.Pool): Promise<{ attempt: number; faults: Faults }> {
  const row = only(await pool.query<FaultRow & { attempt: number }>(NEXT_ATTEMPT));
  return { attempt: row.attempt, faults: faultsOf(row) };
}

function only<Row extends pg.QueryResultRow>({ rows: [row] }: pg.QueryResult<Row>): Row {
  if (!row) throw new Error('table fault_setting has lost its row, which the first migration made');
  return row;
}
