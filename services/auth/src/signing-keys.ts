import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject, type webcrypto } from 'node:crypto';
import type { Jwks } from '@evergreen/service-kit/auth.ts';
import { inTransaction } from '@evergreen/service-kit/database.ts';
import type pg from 'pg';
import { ACCESS_TOKEN_SECONDS } from './access-token.ts';

/** Any number will do, as long as nothing else in auth's database takes an advisory lock with it. */
const KEY_LOCK = 4_402_861;
/** A retired key stays published for the life of its last token and this much for clocks that differ. */
const CLOCK_SKEW_SECONDS = 300;

export interface SigningKeys {
  /** What new tokens are signed with. */
  active: { kid: string; privateKey: KeyObject };
  /** The public halves of all keys that a token may still be signed with. */
  jwks: Jwks;
}

interface KeyRow {
  kid: string;
  private_jwk: webcrypto.JsonWebKey;
  public_jwk: webcrypto.JsonWebKey;
  retired: boolean;
}

/** Reads the signing keys, and makes the first one. The lock lets replicas that start together agree on it. */
export async function openSigningKeys(pool: pg.Pool): Promise<SigningKeys> {
  const rows = await inTransaction(pool, async (client) => {
    await client.query('SELECT pg_advisory_xact_lock($1)', [KEY_LOCK]);
    const known = await readKeys(client);
    if (known.some(({ retired }) => !retired)) return known;
    const made = newKey();
    await client.query('INSERT INTO signing_key (kid, private_jwk, public_jwk) VALUES ($1, $2, $3)', [
      made.kid,
      made.private_jwk,
      made.public_jwk,
    ]);
    return [made, ...known];
  });
  const newest = rows.find(({ retired }) => !retired);
  if (!newest) throw new Error('there is no signing key');
  return {
    active: { kid: newest.kid, privateKey: createPrivateKey({ key: newest.private_jwk, format: 'jwk' }) },
    jwks: { keys: rows.map(({ kid, public_jwk }) => ({ ...public_jwk, kid, alg: 'ES256', use: 'sig' })) },
  };
}

async function readKeys(client: pg.PoolClient): Promise<KeyRow[]> {
  const { rows } = await client.query<KeyRow>(
    `SELECT kid, private_jwk, public_jwk, retired_at IS NOT NULL AS retired FROM signing_key
     WHERE retired_at IS NULL OR retired_at > now() - make_interval(secs => $1)
     ORDER BY created_at DESC, kid`,
    [ACCESS_TOKEN_SECONDS + CLOCK_SKEW_SECONDS],
  );
  return rows;
}

function newKey(): KeyRow {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const public_jwk = publicKey.export({ format: 'jwk' });
  return { kid: thumbprint(public_jwk), private_jwk: privateKey.export({ format: 'jwk' }), public_jwk, retired: false };
}

/** RFC 7638: the name of a key follows from the key, so two keys can never share one. */
function thumbprint({ crv, kty, x, y }: webcrypto.JsonWebKey): string {
  return createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
}
