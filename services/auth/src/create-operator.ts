import { ConfigError, readConfig, SERVICE_CONFIG } from '@evergreen/service-kit/config.ts';
import { Problem } from '@evergreen/service-kit/problem.ts';
import { EXIT_CONFIG } from '@evergreen/service-kit/process.ts';
import pg from 'pg';
import { OPERATOR_CONFIG } from './config.ts';
import { openPrisma } from './database.ts';
import { normalEmail } from './decisions/sign-up.ts';
import { makeOperator } from './operator.ts';

/*
 * Makes an operator's account; the API makes none. Safe to run again: an operator's account stays as it is, and a customer's
 * is refused. The running service publishes the event that this leaves in the outbox.
 *
 *   DATABASE_URL=... OPERATOR_EMAIL=... OPERATOR_PASSWORD=... node services/auth/src/create-operator.ts
 */

async function run(): Promise<void> {
  const { DATABASE_URL, OPERATOR_EMAIL, OPERATOR_PASSWORD } = readConfig({
    DATABASE_URL: SERVICE_CONFIG.DATABASE_URL,
    ...OPERATOR_CONFIG,
  });
  const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 2, connectionTimeoutMillis: 5_000 });
  // A query that was running fails by itself; without a listener the process would end in the middle.
  pool.on('error', () => undefined);
  try {
    const outcome = await makeOperator(openPrisma(pool), OPERATOR_EMAIL, OPERATOR_PASSWORD);
    process.stdout.write(`operator ${normalEmail(OPERATOR_EMAIL)}: ${outcome}\n`);
  } finally {
    await pool.end();
  }
}

await run().catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  const reason = error instanceof Problem ? message.replace(/^body\./, 'the ') : message;
  process.stderr.write(`no operator was created: ${reason}\n`);
  process.exitCode = error instanceof ConfigError ? EXIT_CONFIG : 1;
});
