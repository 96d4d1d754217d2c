import { createPrivateKey, generateKeyPairSync, type KeyObject, sign, type webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ACCESS_TOKEN_TYPE, API_AUDIENCE } from '@evergreen/service-kit/auth.ts';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';

const TOKEN_SECONDS = 7_200;

export interface Claims {
  /** A new person's, when not given. */
  id?: string;
  /** IANA time zone; Europe/Amsterdam when not given. */
  timeZone?: string;
  role?: 'customer' | 'operator';
}

export interface TokenHolder {
  id: string;
  accessToken: string;
}

/**
 * Makes people without the cores that a password costs: access tokens signed with the stack's own key, which every service
 * checks as it checks any. They last two hours, so long runs outlive no token.
 * @param authDatabaseUrl where the key is kept; auth must have made it
 */
export async function openTokens(authDatabaseUrl: string): Promise<(claims?: Claims) => TokenHolder> {
  return tokensBy(await readSigningKey(authDatabaseUrl));
}

/** Serves a key of its own as auth serves its keys, for services that have nothing else to do with auth: a process less for each test. */
export async function serveKey() {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const kid = uuidv7();
  const keys = [{ ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' }];
  const server = createServer((_request, answer) => {
    answer.setHeader('content-type', 'application/json').end(JSON.stringify({ keys }));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    /** Of the key, for AUTH_JWKS_URL. */
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/.well-known/jwks.json`,
    newToken: tokensBy({ kid, key: privateKey }),
    close(): void {
      server.close();
      server.closeAllConnections();
    },
  };
}

function tokensBy(signing: { kid: string; key: KeyObject }): (claims?: Claims) => TokenHolder {
  return ({ id = uuidv7(), timeZone = 'Europe/Amsterdam', role = 'customer' } = {}) => {
    const nowSeconds = Math.floor(Date.now() / 1000);
    const claims = {
      ...{ iss: 'evergreen', aud: API_AUDIENCE, sub: id, role, zoneinfo: timeZone, locale: 'en' },
      ...{ iat: nowSeconds, exp: nowSeconds + TOKEN_SECONDS, jti: uuidv7(), sid: uuidv7() },
    };
    return { id, accessToken: signedToken(claims, signing) };
  };
}

async function readSigningKey(authDatabaseUrl: string): Promise<{ kid: string; key: KeyObject }> {
  const auth = new pg.Client({ connectionString: authDatabaseUrl });
  await auth.connect();
  const { rows } = await auth.query<{ kid: string; private_jwk: webcrypto.JsonWebKey }>(
    'SELECT kid, private_jwk FROM signing_key WHERE signs_from <= now() ORDER BY signs_from DESC LIMIT 1',
  );
  await auth.end();
  const [signing] = rows;
  if (!signing) throw new Error('auth has no signing key');
  return { kid: signing.kid, key: createPrivateKey({ key: signing.private_jwk, format: 'jwk' }) };
}

function signedToken(claims: object, { kid, key }: { kid: string; key: KeyObject }): string {
  const signed = `${base64({ alg: 'ES256', kid, typ: ACCESS_TOKEN_TYPE })}.${base64(claims)}`;
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url');
  return `${signed}.${signature}`;
}

const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
