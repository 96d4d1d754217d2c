import type { Role } from '@evergreen/contracts/http/auth.ts';
import { Problem } from '@evergreen/service-kit/problem.ts';
import { deleteInBatches, type PruningPool } from '@evergreen/service-kit/pruning.ts';
import { v7 as uuidv7 } from 'uuid';
import { type Account, asAccount } from './accounts.ts';
import { judgeRefreshToken, LONGEST_IDLE_MS, lifetimesOf } from './decisions/refresh-token.ts';
import { deviceRow, rememberDevice } from './devices.ts';
import type { Prisma, PrismaClient, Session as SessionRow } from './generated/client.ts';
import { hashOf, newSecretToken } from './secret-token.ts';

/*
 * A session is one log-in on one device. It lives on a chain of refresh tokens, each good for one use:
 *
 *   token 1 -> used for token 2 -> used for token 3 ...     a second use of any of them revokes the session
 *
 * Tabs that use a token at the same moment get one each; these are one generation, and count as one token from then on.
 *
 * The session's row is locked before a token is judged, so uses of one chain take turns.
 */

/** Of more sessions of an account than this, the one longest unused ends. */
const MAX_SESSIONS = 100;

/** Where a request comes from. */
export interface Whence {
  /** As limits count it, see `addressOf`. */
  address: string;
  /** The IP address itself, for the owner of a session to recognise it by. */
  ip: string;
  userAgent: string | null;
  deviceToken: string | undefined;
}

export interface OpenedSession {
  account: Account;
  sessionId: string;
  /** 256 random bits; only its hash is kept. */
  refreshToken: string;
  /** For the device to keep. A refresh has none. */
  deviceToken?: string;
}

/** The writes that open the first session of a new account, for the caller's transaction, and its tokens. */
export function newSession(prisma: PrismaClient, account: Account, whence: Whence, now: Date) {
  const { sessionId, refreshToken, data } = sessionData(account, whence, now);
  const deviceToken = newSecretToken();
  const writes = [
    prisma.session.create({ data }),
    prisma.device.create({ data: deviceRow(account.id, deviceToken, now) }),
  ] as const;
  return { writes, opened: { account, sessionId, refreshToken, deviceToken } satisfies OpenedSession };
}

/**
 * Opens a session for whoever has just proved to know the password of `account`, and forgets those of the account that ended
 * long ago or are too many.
 * @throws Problem invalid_credentials when the password has been changed since
 */
export function openSession(prisma: PrismaClient, account: Account, whence: Whence, now: Date): Promise<OpenedSession> {
  const { id, passwordHash } = account;
  return prisma.$transaction(async (tx) => {
    // Under this lock a change of the password has either ended all sessions already, or will end this one too.
    const same = await tx.$queryRaw<unknown[]>`
      SELECT 1 FROM account WHERE id = ${id}::uuid AND password_hash = ${passwordHash} FOR NO KEY UPDATE`;
    if (same.length === 0) throw new Problem('invalid_credentials');
    await tx.session.deleteMany({ where: { accountId: id, lastUsedAt: { lt: longestIdleSince(now) } } });
    await tx.$executeRaw`
      DELETE FROM session WHERE id IN (
        SELECT id FROM session WHERE account_id = ${id}::uuid ORDER BY last_used_at DESC OFFSET ${MAX_SESSIONS - 1})`;
    const { sessionId, refreshToken, data } = sessionData(account, whence, now);
    await tx.session.create({ data });
    const deviceToken = await rememberDevice(tx, { accountId: id, token: whence.deviceToken, now });
    return { account, sessionId, refreshToken, deviceToken };
  });
}

/** Whose session a refresh token belongs to, while that is open. */
export async function ownerOf(prisma: PrismaClient, presented: string): Promise<string | undefined> {
  const found = await prisma.refreshToken.findUnique({
    where: { tokenHash: hashOf(presented), session: { revokedAt: null } },
    select: { session: { select: { accountId: true } } },
  });
  return found?.session.accountId;
}

/**
 * Takes a refresh token for the next one. A token that was used before revokes its whole session: one of its two users
 * is a thief, and nobody can tell which.
 * @throws Problem invalid_refresh_token, without telling why
 */
export async function refreshSession(
  prisma: PrismaClient,
  presented: string,
  whence: Whence,
  now: Date,
): Promise<OpenedSession> {
  const tokenHash = hashOf(presented);
  // A refusal is answered after the commit: thrown inside, it would undo the revocation.
  const opened = await prisma.$transaction((tx) => useToken(tx, tokenHash, whence, now));
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

/** A caller, as the access token tells. */
interface SessionCaller {
  id: string;
  sessionId?: string;
}

/**
 * The session of an access token, with its account. A token outlives its session by up to ten minutes; auth itself goes by the
 * session.
 * @throws Problem unauthenticated when the session is over
 */
export async function requireOpenSession(
  prisma: PrismaClient,
  { id: accountId, sessionId }: SessionCaller,
): Promise<{ account: Account; sessionId: string }> {
  const session =
    sessionId === undefined
      ? null
      : await prisma.session.findUnique({
          where: { id: sessionId, accountId, revokedAt: null },
          include: { account: true },
        });
  if (!session) throw new Problem('unauthenticated', 'The session is over; log in again');
  return { account: asAccount(session.account), sessionId: session.id };
}

/** The open sessions of an account, newest first: at most MAX_SESSIONS. */
export async function listSessions(
  prisma: PrismaClient,
  { id: accountId, role }: Account,
  now: Date,
): Promise<SessionRow[]> {
  return prisma.session.findMany({
    where: { accountId, ...isOpen(role, now) },
    orderBy: { id: 'desc' },
    take: MAX_SESSIONS,
  });
}

/** Ends one session of an account. @throws Problem not_found when the account has no such open session */
export async function revokeSession(
  prisma: PrismaClient,
  { account, sessionId }: { account: Account; sessionId: string },
  now: Date,
): Promise<void> {
  const { count } = await prisma.session.updateMany({
    where: { id: sessionId, accountId: account.id, ...isOpen(account.role, now) },
    data: { revokedAt: now, revokedBecause: 'revoked' },
  });
  if (count === 0) throw new Problem('not_found', 'You have no such session');
}

/** Ends all sessions of an account but one. */
export async function revokeOtherSessions(
  prisma: PrismaClient,
  { accountId, sessionId }: { accountId: string; sessionId: string },
  now: Date,
): Promise<void> {
  await prisma.$transaction([
    // All that takes several sessions of an account takes its row first, so no two of them wait for each other.
    prisma.$executeRaw`SELECT 1 FROM account WHERE id = ${accountId}::uuid FOR NO KEY UPDATE`,
    prisma.session.updateMany({
      where: { accountId, id: { not: sessionId }, revokedAt: null },
      data: { revokedAt: now, revokedBecause: 'revoked' },
    }),
  ]);
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
  return tokens + (await deleteInBatches(pool, PRUNE_SESSIONS, [longestIdleSince(now)]));
}

async function useToken(
  tx: Prisma.TransactionClient,
  tokenHash: string,
  { ip, userAgent }: Whence,
  now: Date,
): Promise<OpenedSession | undefined> {
  const found = await tx.refreshToken.findUnique({ where: { tokenHash }, select: { sessionId: true } });
  if (!found) return undefined;
  const { sessionId } = found;
  const locked = await tx.session.updateMany({
    where: { id: sessionId, revokedAt: null },
    data: { lastUsedAt: now, address: ip, userAgent },
  });
  if (locked.count === 0) return undefined;
  const token = await tx.refreshToken.findUniqueOrThrow({
    where: { tokenHash },
    include: { session: { include: { account: true } } },
  });

  const { generation, session } = token;
  const account = asAccount(session.account);
  const brothers = await tx.refreshToken.aggregate({ where: { sessionId, generation }, _min: { usedAt: true } });
  const generationUsedAt = brothers._min.usedAt;
  const judgement = judgeRefreshToken(
    { ...token, generationUsedAt, role: account.role, openedAt: session.createdAt },
    now,
  );
  if (judgement === 'over') return undefined;
  if (judgement === 'replay') {
    await tx.session.update({
      where: { id: sessionId },
      data: { revokedAt: now, revokedBecause: 'token_reused' },
    });
    return undefined;
  }
  if (judgement === 'use') await tx.refreshToken.update({ where: { tokenHash }, data: { usedAt: now } });
  const { refreshToken, row } = newRefreshToken(now, account, generation + 1);
  await tx.refreshToken.create({ data: { ...row, sessionId } });
  await tx.refreshToken.deleteMany({ where: { sessionId, expiresAt: { lt: now } } });
  return { account, sessionId, refreshToken };
}

function sessionData(account: Account, { ip, userAgent }: Whence, now: Date) {
  const sessionId = uuidv7();
  const { refreshToken, row } = newRefreshToken(now, account, 1);
  const times = { createdAt: now, lastUsedAt: now };
  return {
    sessionId,
    refreshToken,
    data: { id: sessionId, accountId: account.id, ...times, address: ip, userAgent, refreshTokens: { create: row } },
  };
}

function newRefreshToken(now: Date, { role }: Account, generation: number) {
  const refreshToken = newSecretToken();
  const expiresAt = new Date(now.getTime() + lifetimesOf(role).idleMs);
  return { refreshToken, row: { tokenHash: hashOf(refreshToken), generation, createdAt: now, expiresAt } };
}

const isOpen = (role: Role, now: Date) => {
  const { idleMs, longestMs } = lifetimesOf(role);
  return {
    revokedAt: null,
    lastUsedAt: { gte: new Date(now.getTime() - idleMs) },
    createdAt: { gt: new Date(now.getTime() - longestMs) },
  };
};

/** Whoever has not used a session since then has none. */
const longestIdleSince = (now: Date): Date => new Date(now.getTime() - LONGEST_IDLE_MS);
