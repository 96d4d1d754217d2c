import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import type { FindKey, Jwks } from '@evergreen/service-kit/auth.ts';
import { endOf, rest } from '@evergreen/service-kit/backoff.ts';
import type { FastifyBaseLogger } from 'fastify';
import type pg from 'pg';
import { ACCESS_TOKEN_SECONDS } from './access-token.ts';
import { rotationIsDue, signingKey, spentKeys } from './decisions/signing-key.ts';
import { readSigningKeys, type StoredKey, tendSigningKeys } from './signing-keys.ts';

/** A replica learns of another's rotation within this time; it is far below the skew that a retired key outlives its tokens by. */
const RELOAD_MS = 10_000;
const STOP_TIMEOUT_MS = 5_000;

export interface Keyring {
  /** What a token of this moment is signed with. */
  active(): { kid: string; privateKey: KeyObject };
  /** The public halves of the next key, the one that signs, and those whose tokens may still live. */
  jwks(): Jwks;
  /** For auth's own checks of access tokens. */
  findKey: FindKey;
  stop(): Promise<void>;
}

export interface KeyringOptions {
  pool: pg.Pool;
  now: () => Date;
  logger: FastifyBaseLogger;
  rotateAfterMs: number;
  publishedAheadMs: number;
  /** How often to look for what other replicas and the command did. */
  reloadMs?: number;
}

interface LoadedKey extends StoredKey {
  privateKey: KeyObject;
  publicKey: KeyObject;
}

/** Opens the signing keys, makes the first ones, and from then on follows and rotates them until stopped. */
export async function openKeyring(options: KeyringOptions): Promise<Keyring> {
  const { pool, now, logger, rotateAfterMs, publishedAheadMs, reloadMs = RELOAD_MS } = options;
  let keys: LoadedKey[] = [];
  const load = (rows: readonly StoredKey[]): void => {
    keys = rows.map(
      (row) => keys.find(({ kid, signsFrom }) => kid === row.kid && sameTime(signsFrom, row.signsFrom)) ?? loaded(row),
    );
  };
  const tend = async (): Promise<void> => {
    load(await tendSigningKeys(pool, { now: now(), rotateAfterMs, publishedAheadMs }));
  };
  await tend();

  const stopping = new AbortController();
  const follow = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await rest(reloadMs, stopping.signal);
      if (stopping.signal.aborted) return;
      try {
        load(await readSigningKeys(pool));
        const isSpent = spentKeys(keys, now(), ACCESS_TOKEN_SECONDS * 1_000).length > 0;
        if (isSpent || rotationIsDue(keys, now(), rotateAfterMs)) await tend();
      } catch (err) {
        // Those at hand go on signing, and a retired key stays published for longer than most outages of a database.
        logger.warn({ err }, 'the signing keys cannot be read, trying again');
      }
    }
  };
  const following = follow();

  return {
    active() {
      const key = signingKey(keys, now());
      if (!key) throw new Error('there is no signing key');
      return key;
    },
    jwks: () => ({ keys: keys.map(({ kid, publicJwk }) => ({ ...publicJwk, kid, alg: 'ES256', use: 'sig' })) }),
    findKey: async (wanted) => keys.find(({ kid }) => kid === wanted)?.publicKey,
    async stop() {
      stopping.abort();
      await endOf(following, STOP_TIMEOUT_MS);
    },
  };
}

const loaded = (row: StoredKey): LoadedKey => ({
  ...row,
  privateKey: createPrivateKey({ key: row.privateJwk, format: 'jwk' }),
  publicKey: createPublicKey({ key: row.publicJwk, format: 'jwk' }),
});

const sameTime = (a: Date | null, b: Date | null): boolean => a?.getTime() === b?.getTime();
