import { Problem } from '@evergreen/service-kit/problem.ts';
import { asAccount } from './accounts.ts';
import { normalEmail } from './decisions/sign-up.ts';
import type { RouteDeps } from './routes.ts';
import { type OpenedSession, openSession } from './sessions.ts';

/**
 * Opens a session for whoever knows the password. An unknown email takes the same time and gets the same answer as a
 * wrong password.
 * @throws Problem invalid_credentials
 */
export async function logIn(
  { prisma, passwords, now }: Pick<RouteDeps, 'prisma' | 'passwords' | 'now'>,
  { email, password }: { email: string; password: string },
): Promise<OpenedSession> {
  const account = await prisma.account.findUnique({ where: { email: normalEmail(email) } });
  const matches = await passwords.matches(password, account?.passwordHash);
  if (!account || !matches) throw new Problem('invalid_credentials');
  return openSession(prisma, asAccount(account), now());
}
