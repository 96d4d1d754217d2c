import { Problem } from '@evergreen/service-kit/problem.ts';
import { addressClaims } from '@evergreen/service-kit/rate-limit.ts';
import { accountWrites, isEmailTaken, newAccount, type SignUp } from './accounts.ts';
import { normalEmail } from './decisions/sign-up.ts';
import type { RouteDeps } from './routes.ts';
import { newSession, type OpenedSession, type Whence } from './sessions.ts';

/**
 * Opens a customer's account and logs it in: account, event and session are one transaction.
 * @throws Problem email_taken, validation_failed, rate_limited
 */
export async function register(
  deps: Pick<RouteDeps, 'prisma' | 'passwords' | 'now' | 'onEvents' | 'limits' | 'rateLimits'>,
  signUp: SignUp,
  whence: Whence,
  correlationId: string,
): Promise<OpenedSession> {
  const { prisma, passwords, now, onEvents, limits, rateLimits } = deps;
  // A refusal counts too: it tells that an email has an account.
  await rateLimits.take(addressClaims(limits.registerPerAddress, whence.address));
  // This spares the hashing. What really keeps an email to one account is the unique index.
  const taken = await prisma.account.count({ where: { email: normalEmail(signUp.email) } });
  if (taken > 0) throw emailTaken();
  const account = await newAccount(passwords, signUp, { role: 'customer', now: now(), address: whence.address });
  const { writes, opened } = newSession(prisma, account, whence, now());
  try {
    await prisma.$transaction([...accountWrites(prisma, account, correlationId), ...writes]);
  } catch (error) {
    throw isEmailTaken(error) ? emailTaken() : error;
  }
  onEvents();
  return opened;
}

const emailTaken = (): Problem => new Problem('email_taken', 'Log in, or use another email');
