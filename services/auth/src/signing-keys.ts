import { createHash, generateKeyPairSync, type webcrypto } from 'node:crypto';
import { inTransaction } from '@evergreen/service-kit/database.ts';
import type pg from 'pg';
import { ACCESS_TOKEN_SECONDS } from './access-token.ts';
import {
  beginningOf,
  type KeyTimes,
  rotationIsDue,
  signingKey,
  spentKeys,
  takingOver,
} from './decisions/signing-key.ts';

/*
 * The ES256 key pairs in table `signing_key`, which all replicas share. A key's life:
 *
 *   next -> signing -> retired -> deleted       published (in the JWKS) in all but the last
 *
 * There is always a next key, and it is published long before it signs, so every verifier has it by then. A retired one stays
 * published until the last token it signed has expired.
 */

/** Any number will do, as long as nothing else in auth's database takes an advisory lock with it. */
const KEY_LOCK = 4_402_861;

export interface StoredKey extends KeyTimes {
  kid: string;
  privateJwk: webcrypto.JsonWebKey;
  publicJwk: webcrypto.JsonWebKey;
}

export interface Rotation {
  now: Date;
  /** How long a key is published before it signs. It has to outlast every cache of the JWKS. */
  publishedAheadMs: number;
}

/** The keys that are published. */
export async function readSigningKeys(db: Pick<pg.ClientBase, 'query'>): Promise<StoredKey[]> {
  const { rows } = await db.query<StoredKey>(
    `SELECT kid, private_jwk AS "privateJwk", public_jwk AS "publicJwk", created_at AS "createdAt",
            signs_from AS "signsFrom"
     FROM signing_key ORDER BY created_at DESC, kid`,
  );
  return rows;
}

/**
 * Makes the first keys, rotates when the signing key is older than `rotateAfterMs`, and deletes keys that are spent. Any
 * number of replicas may do so at once: the lock lets them take turns, and each looks again at what is there.
 * @returns the keys as they are now
 */
export function tendSigningKeys(pool: pg.Pool, rotation: Rotation & { rotateAfterMs: number }): Promise<StoredKey[]> {
  const { now, rotateAfterMs } = rotation;
  return underLock(pool, async (client) => {
    let keys = await readSigningKeys(client);
    if (!signingKey(keys, now)) {
      await addKey(client, { createdAt: now, signsFrom: now });
      await addKey(client, { createdAt: now, signsFrom: null });
      keys = await readSigningKeys(client);
    }
    const spent = spentKeys(keys, now, ACCESS_TOKEN_SECONDS * 1_000).map(({ kid }) => kid);
    if (spent.length > 0) await client.query('DELETE FROM signing_key WHERE kid = ANY ($1)', [spent]);
    if (rotationIsDue(keys, now, rotateAfterMs)) await promoteNext(client, keys, rotation);
    return readSigningKeys(client);
  });
}

/**
 * Lets the next key take over, at once or as soon as it has been published for long enough, and makes a new next one.
 * @throws Error when a key is about to take over already, or auth has never run
 */
export function rotateSigningKeys(pool: pg.Pool, rotation: Rotation): Promise<{ kid: string; signsFrom: Date }> {
  return underLock(pool, async (client) => {
    const keys = await readSigningKeys(client);
    const coming = takingOver(keys, rotation.now);
    if (coming)
      throw new Error(`${coming.kid} takes over at ${coming.signsFrom?.toISOString()}; rotate again after that`);
    return promoteNext(client, keys, rotation);
  });
}

async function promoteNext(client: pg.PoolClient, keys: readonly StoredKey[], { now, publishedAheadMs }: Rotation) {
  const next = keys.find(({ signsFrom }) => signsFrom === null);
  if (!next) throw new Error('there is no next key; auth makes the first ones when it starts');
  const signsFrom = beginningOf(next, now, publishedAheadMs);
  await client.query('UPDATE signing_key SET signs_from = $2 WHERE kid = $1', [next.kid, signsFrom]);
  await addKey(client, { createdAt: now, signsFrom: null });
  return { kid: next.kid, signsFrom };
}

async function addKey(client: pg.PoolClient, { createdAt, signsFrom }: KeyTimes): Promise<void> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicJwk = publicKey.export({ format: 'jwk' });
  const privateJwk = privateKey.export({ format: 'jwk' });
  await client.query(
    'INSERT INTO signing_key (kid, private_jwk, public_jwk, created_at, signs_from) VALUES ($1, $2, $3, $4, $5)',
    [thumbprint(publicJwk), privateJwk, publicJwk, createdAt, signsFrom],
  );
}

const underLock = <T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> =>
  inTransaction(pool, async (client) => {
    await client.query('SELECT pg_advisory_xact_lock($1)', [KEY_LOCK]);
    return work(client);
  });

/** RFC 7638: the name of a key follows from the key, so two keys can never share one. */
function thumbprint({ crv, kty, x, y }: webcrypto.JsonWebKey): string {
  return createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
}
