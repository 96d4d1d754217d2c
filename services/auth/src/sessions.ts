import { createHash, randomBytes } from 'node:crypto';
import { Problem } from '@evergreen/service-kit/problem.ts';
import { deleteInBatches, type PruningPool } from '@evergreen/service-kit/pruning.ts';
import { v7 as uuidv7 } from 'uuid';
import { type Account, asAccount } from './accounts.ts';
import { IDLE_LIFETIME_MS, judgeRefreshToken } from './decisions/refresh-token.ts';
import type { Prisma, PrismaClient } from './generated/client.ts';

/*
 * A session is one log-in on one device. It lives on a chain of refresh tokens, each good for one use:
 *
 *   token 1 -> used for token 2 -> used for token 3 ...     a second use of any of them revokes the session
 *
 * The session's row is locked before a token is judged, so uses of one chain take turns.
 */

export interface OpenedSession {
  account: Account;
  sessionId: string;
  /** 256 random bits; only its hash is kept. */
  refreshToken: string;
}

/** The write that opens a session of an account, for the caller's transaction, and the first refresh token. */
export function newSession(prisma: PrismaClient, account: Account, now: Date) {
  const sessionId = uuidv7();
  const { refreshToken, row } = newRefreshToken(now);
  const write = prisma.session.create({
    data: { id: sessionId, accountId: account.id, createdAt: now, lastUsedAt: now, refreshTokens: { create: row } },
  });
  return { write, opened: { account, sessionId, refreshToken } satisfies OpenedSession };
}

/** Opens a session, and forgets those of the account that ended long ago. */
export async function openSession(prisma: PrismaClient, account: Account, now: Date): Promise<OpenedSession> {
  const { write, opened } = newSession(prisma, account, now);
  const longIdle = { accountId: account.id, lastUsedAt: { lt: idleSince(now) } };
  await prisma.$transaction([prisma.session.deleteMany({ where: longIdle }), write]);
  return opened;
}

/**
 * Takes a refresh token for the next one. A token that was used before revokes its whole session: one of its two users
 * is a thief, and nobody can tell which.
 * @throws Problem invalid_refresh_token, without telling why
 */
export async function refreshSession(prisma: PrismaClient, presented: string, now: Date): Promise<OpenedSession> {
  const tokenHash = hashOf(presented);
  // A refusal is answered after the commit: thrown inside, it would undo the revocation.
  const opened = await prisma.$transaction((tx) => useToken(tx, tokenHash, now));
  if (!opened) throw new Problem('invalid_refresh_token', 'Log in again');
  return opened;
}

/** Ends the session a refresh token belongs to. An unknown token ends nothing, and is no error. */
export async function endSession(prisma: PrismaClient, presented: string, now: Date): Promise<void> {
  await prisma.session.updateMany({
    where: { revokedAt: null, refreshTokens: { some: { tokenHash: hashOf(presented) } } },
    data: { revokedAt: now, revokedBecause: 'logged_out' },
  });
}

const PRUNE_TOKENS = {
  name: 'refresh-token-prune',
  text: `DELETE FROM refresh_token WHERE ctid = ANY (ARRAY(
           SELECT ctid FROM refresh_token WHERE expires_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))`,
};

const PRUNE_SESSIONS = {
  name: 'session-prune',
  text: `DELETE FROM session WHERE ctid = ANY (ARRAY(
           SELECT ctid FROM session WHERE last_used_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED))`,
};

/**
 * Forgets refresh tokens that expired and sessions that ended for want of use, whoever's they are. Tokens go first: a
 * session may have thousands, and a batch of sessions would take them all with it.
 * @returns how many rows were deleted
 */
export async function pruneSessions(pool: PruningPool, now: Date): Promise<number> {
  const tokens = await deleteInBatches(pool, PRUNE_TOKENS, [now]);
  return tokens + (await deleteInBatches(pool, PRUNE_SESSIONS, [idleSince(now)]));
}

async function useToken(
  tx: Prisma.TransactionClient,
  tokenHash: string,
  now: Date,
): Promise<OpenedSession | undefined> {
  const found = await tx.refreshToken.findUnique({ where: { tokenHash }, select: { sessionId: true } });
  if (!found) return undefined;
  const { sessionId } = found;
  const locked = await tx.session.updateMany({ where: { id: sessionId, revokedAt: null }, data: { lastUsedAt: now } });
  if (locked.count === 0) return undefined;
  const token = await tx.refreshToken.findUniqueOrThrow({
    where: { tokenHash },
    include: { session: { include: { account: true } } },
  });

  const judgement = judgeRefreshToken(token, now);
  if (judgement === 'over') return undefined;
  if (judgement === 'replay') {
    await tx.session.update({
      where: { id: sessionId },
      data: { revokedAt: now, revokedBecause: 'token_reused' },
    });
    return undefined;
  }
  if (judgement === 'use') await tx.refreshToken.update({ where: { tokenHash }, data: { usedAt: now } });
  const { refreshToken, row } = newRefreshToken(now);
  await tx.refreshToken.create({ data: { ...row, sessionId } });
  await tx.refreshToken.deleteMany({ where: { sessionId, expiresAt: { lt: now } } });
  return { account: asAccount(token.session.account), sessionId, refreshToken };
}

function newRefreshToken(now: Date) {
  const refreshToken = randomBytes(32).toString('base64url');
  const expiresAt = new Date(now.getTime() + IDLE_LIFETIME_MS);
  return { refreshToken, row: { tokenHash: hashOf(refreshToken), createdAt: now, expiresAt } };
}

const idleSince = (now: Date): Date => new Date(now.getTime() - IDLE_LIFETIME_MS);

// The token is 256 random bits, so one plain hash is as good as a slow one.
const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');
