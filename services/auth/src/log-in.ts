import { Problem } from '@evergreen/service-kit/problem.ts';
import { addressClaims, type Claim, lineOf } from '@evergreen/service-kit/rate-limit.ts';
import { asAccount } from './accounts.ts';
import type { AuthLimits } from './config.ts';
import { countWork, countWrong } from './count-guesses.ts';
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
  { email: typed, password }: { email: string; password: string },
  whence: Whence,
): Promise<OpenedSession> {
  const email = normalEmail(typed);
  const account = await prisma.account.findUnique({ where: { email } });
  const { deviceToken: token } = whence;
  const known = token !== undefined && (await isKnownDevice(prisma, { accountId: account?.id, token, now: now() }));
  const { failures, work } = claimsOf(limits, { email, ...whence }, known);
  return countWrong(rateLimits, failures, async () => {
    const check = () => passwords.matches(password, account?.passwordHash, whence.address);
    const matches = await countWork(rateLimits, work, check);
    if (!account || !matches) throw new Problem('invalid_credentials');
    return openSession(prisma, asAccount(account), whence, now());
  });
}

/**
 * What an attempt counts against: as a failure until it has succeeded, and as work in any case. A device from which the account
 * has logged in has attempts of its own, which no stranger can use up, be it from a thousand addresses or from the very same one.
 * Everybody else is bound by address, by account and address, and by account over all addresses.
 */
function claimsOf(
  { loginPerDevice, loginPerAddress, loginPerAccountAndAddress, loginPerAccount, passwordChecks }: AuthLimits,
  { email, address, deviceToken = '' }: { email: string } & Whence,
  fromKnownDevice: boolean,
): { failures: Claim[]; work: Claim[] } {
  if (fromKnownDevice) {
    return { failures: [[loginPerDevice, email, deviceToken]], work: [[passwordChecks, email, deviceToken]] };
  }
  const failures: Claim[] = [
    ...addressClaims(loginPerAddress, address),
    [loginPerAccountAndAddress, email, lineOf(address)],
    [loginPerAccount, email],
  ];
  return { failures, work: addressClaims(passwordChecks, address) };
}
