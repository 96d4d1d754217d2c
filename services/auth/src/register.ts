import { Problem } from '@evergreen/service-kit/problem.ts';
import { accountWrites, isEmailTaken, newAccount, type SignUp } from './accounts.ts';
import { normalEmail } from './decisions/sign-up.ts';
import type { RouteDeps } from './routes.ts';
import { newSession, type OpenedSession } from './sessions.ts';

/**
 * Opens a customer's account and logs it in: account, event and session are one transaction.
 * @throws Problem email_taken, validation_failed
 */
export async function register(
  { prisma, passwords, now, onEvents }: Pick<RouteDeps, 'prisma' | 'passwords' | 'now' | 'onEvents'>,
  signUp: SignUp,
  correlationId: string,
): Promise<OpenedSession> {
  // This spares the hashing. What really keeps an email to one account is the unique index.
  const taken = await prisma.account.count({ where: { email: normalEmail(signUp.email) } });
  if (taken > 0) throw emailTaken();
  const account = await newAccount(passwords, signUp, { role: 'customer', now: now() });
  const { write, opened } = newSession(prisma, account, now());
  try {
    await prisma.$transaction([...accountWrites(prisma, account, correlationId), write]);
  } catch (error) {
    throw isEmailTaken(error) ? emailTaken() : error;
  }
  onEvents();
  return opened;
}

const emailTaken = (): Problem => new Problem('email_taken', 'Log in, or use another email');
