import { Problem } from '@evergreen/service-kit/problem.ts';
import { addressClaims, type Claim, lineOf } from '@evergreen/service-kit/rate-limit.ts';
import { asAccount } from './accounts.ts';
import type { AuthLimits } from './config.ts';
import { normalEmail } from './decisions/sign-up.ts';
import { isKnownDevice } from './devices.ts';
import type { RouteDeps } from './routes.ts';
import { type OpenedSession, openSession, type Whence } from './sessions.ts';

/**
 * Opens a session for whoever knows the password. An unknown email takes the same time, gets the same answer and is counted
 * in the same way as a wrong password.
 * @throws Problem invalid_credentials, rate_limited
 */
export async function logIn(
  {
    prisma,
    passwords,
    now,
    limits,
    rateLimits,
  }: Pick<RouteDeps, 'prisma' | 'passwords' | 'now' | 'limits' | 'rateLimits'>,
  { email: spelled, password }: { email: string; password: string },
  whence: Whence,
): Promise<OpenedSession> {
  const email = normalEmail(spelled);
  // Right or wrong, it is work: this is not given back.
  await rateLimits.take(addressClaims(limits.passwordChecksPerAddress, whence.address));
  const account = await prisma.account.findUnique({ where: { email } });
  const { deviceToken: token } = whence;
  const known = token !== undefined && (await isKnownDevice(prisma, { accountId: account?.id, token, now: now() }));
  // An attempt counts as failed until it has succeeded, so no number of attempts at once gets past the limit.
  const attempt = await rateLimits.take(attemptClaims(limits, { email, ...whence }, known));
  const opened = await openIfRight().catch(async (error: unknown) => {
    const failed = error instanceof Problem && error.code === 'invalid_credentials';
    if (!failed) await attempt.giveBack();
    throw error;
  });
  await attempt.giveBack();
  return opened;

  async function openIfRight(): Promise<OpenedSession> {
    const matches = await passwords.matches(password, account?.passwordHash, whence.address);
    if (!account || !matches) throw new Problem('invalid_credentials');
    return openSession(prisma, asAccount(account), whence, now());
  }
}

/**
 * What an attempt counts against. A device from which the account has logged in has attempts of its own, which no stranger can
 * use up, be it from a thousand addresses or from the very same one. Everybody else is bound three times: by address, by account
 * and address, and by account over all addresses.
 */
function attemptClaims(
  limits: AuthLimits,
  { email, address, deviceToken = '' }: { email: string } & Whence,
  fromKnownDevice: boolean,
): Claim[] {
  if (fromKnownDevice) return [[limits.loginPerDevice, email, deviceToken]];
  return [
    ...addressClaims(limits.loginPerAddress, address),
    [limits.loginPerAccountAndAddress, email, lineOf(address)],
    [limits.loginPerAccount, email],
  ];
}
