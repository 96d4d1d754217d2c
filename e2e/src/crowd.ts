import { createPrivateKey, sign, type webcrypto } from 'node:crypto';
import { ACCESS_TOKEN_TYPE, API_AUDIENCE } from '@evergreen/service-kit/auth.ts';
import type { TestStack } from '@evergreen/stack/testing.ts';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { newKey } from './api.ts';
import { asPerson, type Person } from './people.ts';

const TOKEN_SECONDS = 7_200;

export interface Claims {
  /** IANA time zone; Europe/Amsterdam when not given. */
  timeZone?: string;
  role?: 'customer' | 'operator';
}

/**
 * Makes people without the half second that a password costs: access tokens signed with the stack's own key, which every service
 * checks as it checks any. They last two hours, so long runs outlive no token.
 */
export async function openCrowd(stack: TestStack): Promise<(claims?: Claims) => Person> {
  const auth = new pg.Client({ connectionString: stack.databases.auth.url });
  await auth.connect();
  const { rows } = await auth.query<{ kid: string; private_jwk: webcrypto.JsonWebKey }>(
    'SELECT kid, private_jwk FROM signing_key WHERE signs_from <= now() ORDER BY signs_from DESC LIMIT 1',
  );
  await auth.end();
  const [signing] = rows;
  if (!signing) throw new Error('auth has no signing key');
  const key = createPrivateKey({ key: signing.private_jwk, format: 'jwk' });
  return ({ timeZone = 'Europe/Amsterdam', role = 'customer' } = {}) => {
    const id = uuidv7();
    const nowSeconds = Math.floor(Date.now() / 1000);
    const claims = {
      ...{ iss: 'evergreen', aud: API_AUDIENCE, sub: id, role, zoneinfo: timeZone, locale: 'en' },
      ...{ iat: nowSeconds, exp: nowSeconds + TOKEN_SECONDS, jti: uuidv7(), sid: uuidv7() },
    };
    const signed = `${base64({ alg: 'ES256', kid: signing.kid, typ: ACCESS_TOKEN_TYPE })}.${base64(claims)}`;
    const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url');
    return asPerson(stack, { user: { id, email: `${id}@test.example` }, accessToken: `${signed}.${signature}` });
  };
}

const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

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
