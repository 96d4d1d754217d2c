import { Problem } from '@evergreen/service-kit/problem.ts';
import { passwordProblem } from './accounts.ts';
import { countWork, countWrong } from './count-guesses.ts';
import { otherDevices } from './devices.ts';
import type { RouteDeps } from './routes.ts';
import { requireOpenSession, type Whence } from './sessions.ts';

/**
 * Changes the password of the caller, who has to know the current one, and ends all other sessions and forgets all other
 * devices. Of changes at the same time one wins; for the others the current password has become wrong.
 * @throws Problem invalid_credentials, validation_failed, rate_limited, unauthenticated
 */
export async function changePassword(
  {
    prisma,
    passwords,
    now,
    limits,
    rateLimits,
  }: Pick<RouteDeps, 'prisma' | 'passwords' | 'now' | 'limits' | 'rateLimits'>,
  caller: { id: string; sessionId?: string },
  { currentPassword, newPassword }: { currentPassword: string; newPassword: string },
  { address, deviceToken }: Pick<Whence, 'address' | 'deviceToken'>,
): Promise<void> {
  const { account, sessionId } = await requireOpenSession(prisma, caller);
  const problem = passwordProblem('newPassword', newPassword, account.email);
  if (problem) throw problem;
  // Whoever got hold of an access token must not try out passwords with it.
  await countWrong(rateLimits, [[limits.passwordPerAccount, account.id]], async () => {
    const wrong = () => new Problem('invalid_credentials', 'The current password is wrong');
    const passwordHash = await countWork(rateLimits, [[limits.passwordChecks, account.id]], async () => {
      if (!(await passwords.matches(currentPassword, account.passwordHash, address))) throw wrong();
      return passwords.hash(newPassword, address);
    });
    await prisma.$transaction(async (tx) => {
      const changed = await tx.account.updateMany({
        where: { id: account.id, passwordHash: account.passwordHash },
        data: { passwordHash, updatedAt: now() },
      });
      if (changed.count === 0) throw wrong();
      // After the account's row is locked: a log-in with the old password has either opened its session by now, or is refused.
      await tx.session.updateMany({
        where: { accountId: account.id, id: { not: sessionId }, revokedAt: null },
        data: { revokedAt: now(), revokedBecause: 'password_changed' },
      });
      // Whoever knew the old password may hold device tokens, with which guesses would count apart.
      await tx.device.deleteMany({ where: otherDevices(account.id, deviceToken) });
    });
  });
}
