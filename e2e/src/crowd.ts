import { type Claims, openTokens } from '@evergreen/stack/test-tokens.ts';
import type { TestStack } from '@evergreen/stack/testing.ts';
import { newKey } from './api.ts';
import { asPerson, type Person } from './people.ts';

/** Makes people who hold an access token and have no account. */
export async function openCrowd(stack: TestStack): Promise<(claims?: Claims) => Person> {
  const newToken = await openTokens(stack.databases.auth.url);
  return (claims) => {
    const { id, accessToken } = newToken(claims);
    return asPerson(stack, { user: { id, email: `${id}@test.example` }, accessToken });
  };
}

/** An operator's credit or debit of a balance in USD; `amount` in minor units, below zero for a debit. */
export async function adjust(operator: Person, { id }: Person, amount: number) {
  const body = { amount, currency: 'USD', reason: 'Set right by hand' };
  return operator.call(`/wallets/${id}/adjustments`, { key: newKey(), body });
}

/** Does `work` for each of `list`, `atOnce` at a time, and answers in the order of the list. */
export async function forEachOf<T, R>(list: readonly T[], atOnce: number, work: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const ahead = list.entries();
  const worker = async () => {
    for (const [index, one] of ahead) results[index] = await work(one);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results;
}

/** Moves the billing clock, and waits until everything has settled. `target` as the API takes it: `by` or `to`. */
export async function advance(operator: Person, target: { by: string } | { to: string }) {
  const answer = await operator.call('/clock/advance', { body: target, timeoutMs: 180_000 });
  if (answer.status !== 200) throw new Error(`advancing answered ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}
