import type { ProblemCode } from '@evergreen/contracts/problems.ts';
import { Problem } from '@evergreen/service-kit/problem.ts';
import type { Claim, RateLimits } from '@evergreen/service-kit/rate-limit.ts';

/**
 * Does what checks a password, and counts it only when the password is wrong. It counts as wrong until it has turned out right, so
 * no number of attempts at once gets past a limit.
 * @throws Problem rate_limited, and what `check` throws
 */
export async function countWrong<T>(
  rateLimits: RateLimits,
  claims: readonly Claim[],
  check: () => Promise<T>,
): Promise<T> {
  const attempt = await rateLimits.take(claims);
  const result = await check().catch(async (error: unknown) => {
    if (!isProblem(error, 'invalid_credentials')) await attempt.giveBack();
    throw error;
  });
  await attempt.giveBack();
  return result;
}

/**
 * Does work that costs a core, and counts it however it ends; not when there was no place for it.
 * @throws Problem rate_limited, and what `work` throws
 */
export async function countWork<T>(
  rateLimits: RateLimits,
  claims: readonly Claim[],
  work: () => Promise<T>,
): Promise<T> {
  const taken = await rateLimits.take(claims);
  return work().catch(async (error: unknown) => {
    if (isProblem(error, 'service_unavailable')) await taken.giveBack();
    throw error;
  });
}

const isProblem = (error: unknown, code: ProblemCode): boolean => error instanceof Problem && error.code === code;
