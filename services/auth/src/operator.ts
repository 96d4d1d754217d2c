import { randomUUID } from 'node:crypto';
import type { FastifyBaseLogger } from 'fastify';
import { accountWrites, isEmailTaken, newAccount } from './accounts.ts';
import { normalEmail } from './decisions/sign-up.ts';
import type { PrismaClient } from './generated/client.ts';
import { openPasswords } from './passwords.ts';

export type Outcome = 'created' | 'was one already';

/**
 * Makes an operator's account, and leaves an operator's that is there as it is. The event stays in the outbox for the running
 * service.
 * @throws Error for a customer's address: anybody may have registered it, and would be operator with the password and the
 * sessions they have
 * @throws Problem validation_failed for a password that must not be used
 */
export async function makeOperator(prisma: PrismaClient, email: string, password: string): Promise<Outcome> {
  const existing = await prisma.account.findUnique({ where: { email: normalEmail(email) } });
  if (existing?.role === 'operator') return 'was one already';
  if (existing) {
    throw new Error(`${existing.email} is a customer's account, and stays one; choose another address`);
  }
  const passwords = await openPasswords({ concurrency: 1, queueLimit: 0, perAddress: 1 });
  const account = await newAccount(
    passwords,
    { email, password },
    { role: 'operator', now: new Date(), address: 'here' },
  );
  try {
    await prisma.$transaction([...accountWrites(prisma, account, randomUUID())]);
    return 'created';
  } catch (error) {
    if (!isEmailTaken(error)) throw error;
    // The address got its account in this very moment, so now there is one to judge.
    return makeOperator(prisma, email, password);
  }
}

/**
 * Makes the operator the environment names, once: later its password is changed like everybody's. What cannot be made is logged,
 * and keeps nobody else from using the service.
 */
export async function makeFirstOperator(
  prisma: PrismaClient,
  { email, password }: { email: string; password: string },
  logger: FastifyBaseLogger,
): Promise<void> {
  try {
    const outcome = await makeOperator(prisma, email, password);
    logger.info({ outcome }, 'the operator of OPERATOR_EMAIL');
  } catch (err) {
    logger.error({ err }, 'the operator of OPERATOR_EMAIL was not made');
  }
}
