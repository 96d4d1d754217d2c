import { deleteInBatches, type PruningPool } from '@evergreen/service-kit/pruning.ts';
import type { Prisma, PrismaClient } from './generated/client.ts';
import { hashOf, newSecretToken } from './secret-token.ts';

/*
 * A device that has logged in holds a device token. It opens nothing: it says that attempts at the password come from
 * somebody who knew it before, so a stranger's failures are not counted against them (OWASP, device cookies).
 */

/** A device that nobody logged in from for so long is a stranger again. */
export const DEVICE_LIFETIME_MS = 180 * 24 * 3_600_000;
/** Of more devices of an account than this, the one longest unused is forgotten. */
const MAX_DEVICES = 100;

const PRUNE = {
  name: 'device-prune',
  text: `DELETE FROM device WHERE ctid = ANY (ARRAY(
           SELECT ctid FROM device WHERE last_used_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))`,
};
/** An id no account has. */
const NOBODY = '00000000-0000-0000-0000-000000000000';

/** Has this account logged in from the device with this token? Without an account it asks the database just the same. */
export async function isKnownDevice(
  prisma: PrismaClient,
  { accountId = NOBODY, token, now }: { accountId: string | undefined; token: string; now: Date },
): Promise<boolean> {
  const known = await prisma.device.findUnique({
    where: { accountId_tokenHash: { accountId, tokenHash: hashOf(token) } },
  });
  return known !== null && known.lastUsedAt > longUnusedSince(now);
}

/** The row of a new device of an account. */
export const deviceRow = (accountId: string, token: string, now: Date) => ({
  accountId,
  tokenHash: hashOf(token),
  lastUsedAt: now,
});

/** The devices of an account but for the one with this token. */
export const otherDevices = (accountId: string, token: string | undefined) => ({
  accountId,
  ...(token !== undefined && { tokenHash: { not: hashOf(token) } }),
});

/**
 * Remembers that an account has logged in from a device. A token this account does not know is not taken over, since anybody
 * could have planted it; the device gets a new one. Runs under the lock of the account's row.
 * @returns the token the device is to keep
 */
export async function rememberDevice(
  tx: Prisma.TransactionClient,
  { accountId, token, now }: { accountId: string; token: string | undefined; now: Date },
): Promise<string> {
  if (token !== undefined) {
    const where = { accountId, tokenHash: hashOf(token), lastUsedAt: { gt: longUnusedSince(now) } };
    const { count } = await tx.device.updateMany({ where, data: { lastUsedAt: now } });
    if (count > 0) return token;
  }
  const made = newSecretToken();
  await tx.device.create({ data: deviceRow(accountId, made, now) });
  await tx.$executeRaw`
    DELETE FROM device WHERE account_id = ${accountId}::uuid AND token_hash IN (
      SELECT token_hash FROM device WHERE account_id = ${accountId}::uuid ORDER BY last_used_at DESC OFFSET ${MAX_DEVICES})`;
  return made;
}

/** Forgets devices that nobody has logged in from for long. @returns how many */
export const pruneDevices = (pool: PruningPool, now: Date): Promise<number> =>
  deleteInBatches(pool, PRUNE, [longUnusedSince(now)]);

const longUnusedSince = (now: Date): Date => new Date(now.getTime() - DEVICE_LIFETIME_MS);
