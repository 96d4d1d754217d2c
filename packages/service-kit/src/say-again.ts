import { parseArgs } from 'node:util';
import type { Envelope } from '@evergreen/contracts/envelope.ts';
import pg from 'pg';
import { ConfigError, readConfig, SERVICE_CONFIG } from './config.ts';
import { messageOf } from './error-message.ts';
import { appendToOutbox } from './outbox.ts';
import { EXIT_CONFIG } from './process.ts';

/*
 * For a broker that was lost with what it held. What the broker had confirmed stands in no outbox any more, so events that nobody asks
 * for again by themselves are written there once more, from the rows that they told of. Consumers know by those rows what they have done.
 */

const PAGE = 500;
const MAX_DAYS = 3_650;
const CONNECT_TIMEOUT_MS = 5_000;
/** A page may have to pass over all that is older. */
const STATEMENT_TIMEOUT_MS = 600_000;

export interface Repetition<Row extends { id: string }> {
  /** What is said again, for people: `refunds that are due`. */
  what: string;
  /** Rows written since $1 whose id is greater than $2, in the order of their ids, at most $3. */
  select: string;
  eventOf(row: Row): Envelope;
}

/**
 * Runs a service's command `say-again.ts --days <1 to 3650>` on `DATABASE_URL`: writes an event for each row of the last days, by
 * the server's own clock, and says how many. The service may run or not; running it twice says everything twice, which is harmless.
 * Sets the exit code: 78 for a wrong setting or argument, 1 for any other failure.
 */
export async function runSayAgain<Row extends { id: string }>(repetition: Repetition<Row>): Promise<void> {
  try {
    const days = readDays(process.argv.slice(2));
    const { DATABASE_URL } = readConfig({ DATABASE_URL: SERVICE_CONFIG.DATABASE_URL });
    const count = await sayAgain(DATABASE_URL, days, repetition);
    process.stdout.write(`${repetition.what}, of the last ${days} days: ${count} are said again\n`);
  } catch (error) {
    process.stderr.write(`${repetition.what}: not all are said again: ${messageOf(error)}\n`);
    process.exitCode = error instanceof ConfigError ? EXIT_CONFIG : 1;
  }
}

function readDays(args: string[]): number {
  const { values } = parseArgs({ args, options: { days: { type: 'string' } }, strict: false });
  const days = /^\d+$/.test(String(values.days)) ? Number(values.days) : 0;
  if (days < 1 || days > MAX_DAYS) throw new ConfigError(`--days must be a whole number from 1 to ${MAX_DAYS}`);
  return days;
}

/** A page is one statement that commits by itself: after a failure the command is simply run again. */
async function sayAgain<Row extends { id: string }>(
  databaseUrl: string,
  days: number,
  { select, eventOf }: Repetition<Row>,
): Promise<number> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
  });
  // A query that was running fails by itself; without a listener the process would end in the middle.
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows: began } = await client.query('SELECT now() - make_interval(days => $1) AS since', [days]);
    let after = '00000000-0000-0000-0000-000000000000';
    for (let count = 0; ; ) {
      const { rows } = await client.query<Row>(select, [began[0].since, after, PAGE]);
      await appendToOutbox(client, rows.map(eventOf));
      count += rows.length;
      const last = rows.at(-1);
      if (!last || rows.length < PAGE) return count;
      after = last.id;
    }
  } finally {
    await client.end();
  }
}
