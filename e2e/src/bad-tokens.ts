import { createPrivateKey } from 'node:crypto';
import type { TestStack } from '@evergreen/stack/testing.ts';
import pg from 'pg';
import { badTokens, forge, type TokenMaterial } from '../../packages/service-kit/test/bad-tokens.ts';

/**
 * Every kind of bad access token, forged from good ones of a running stack with the very key that signed them: each is wrong in
 * what its name says and in nothing else. `good` is forged in the same way, and has to be let in: it shows that the others are
 * refused for what they are.
 */
export async function forgedTokens(
  stack: Pick<TestStack, 'databases'>,
  { accessToken, refreshToken }: { accessToken: string; refreshToken: string },
): Promise<{ good: string; bad: [what: string, token: string][] }> {
  const [header, claims] = accessToken.split('.').slice(0, 2).map(decode);
  const client = new pg.Client({ connectionString: stack.databases.auth.ownerUrl, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    const { rows } = await client.query('SELECT private_jwk FROM signing_key WHERE kid = $1', [header?.kid]);
    const material: TokenMaterial = {
      kid: String(header?.kid),
      privateKey: createPrivateKey({ key: rows[0].private_jwk, format: 'jwk' }),
      claims: claims ?? {},
      refreshToken,
    };
    return { good: forge(material), bad: badTokens(material) };
  } finally {
    await client.end();
  }
}

const decode = (part: string): Record<string, unknown> => JSON.parse(Buffer.from(part, 'base64url').toString());
