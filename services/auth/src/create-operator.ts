import { randomUUID } from 'node:crypto';
import { Password } from '@evergreen/contracts/http/auth.ts';
import { ConfigError, readConfig, SERVICE_CONFIG } from '@evergreen/service-kit/config.ts';
import { Problem } from '@evergreen/service-kit/problem.ts';
import { EXIT_CONFIG } from '@evergreen/service-kit/process.ts';
import pg from 'pg';
import { Type } from 'typebox';
import { accountWrites, isEmailTaken, newAccount } from './accounts.ts';
import { openPrisma } from './database.ts';
import { normalEmail } from './decisions/sign-up.ts';
import type { PrismaClient } from './generated/client.ts';
import { openPasswords } from './passwords.ts';

/*
 * The only way to an operator's account; the API makes none. Safe to run again: an operator's account stays as it is. A
 * customer's account is refused: anybody may have registered the address, and would be operator with the password and the
 * sessions they have. The running service publishes the event that this leaves in the outbox.
 *
 *   DATABASE_URL=... OPERATOR_EMAIL=... OPERATOR_PASSWORD=... node services/auth/src/create-operator.ts
 */

const CONFIG = {
  DATABASE_URL: SERVICE_CONFIG.DATABASE_URL,
  OPERATOR_EMAIL: Type.String({ pattern: '^[^@\\s]+@[^@\\s]+$', maxLength: 254, description: 'an email address' }),
  OPERATOR_PASSWORD: Type.String({ ...Password, description: 'a password of 8 to 128 characters' }),
};

type Outcome = 'created' | 'was one already';

async function makeOperator(prisma: PrismaClient, email: string, password: string): Promise<Outcome> {
  const existing = await prisma.account.findUnique({ where: { email: normalEmail(email) } });
  if (existing?.role === 'operator') return 'was one already';
  if (existing) {
    throw new Error(`${existing.email} is a customer's account, and stays one; choose another address`);
  }
  const passwords = await openPasswords({ concurrency: 1, queueLimit: 0 });
  const account = await newAccount(passwords, { email, password }, { role: 'operator', now: new Date() });
  try {
    await prisma.$transaction([...accountWrites(prisma, account, randomUUID())]);
    return 'created';
  } catch (error) {
    if (!isEmailTaken(error)) throw error;
    // The address got its account in this very moment, so now there is one to judge.
    return makeOperator(prisma, email, password);
  }
}

async function run(): Promise<void> {
  const { DATABASE_URL, OPERATOR_EMAIL, OPERATOR_PASSWORD } = readConfig(CONFIG);
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
