/** A session ends when nobody used it for this long. */
export const IDLE_LIFETIME_MS = 30 * 24 * 3_600_000;

/** A session ends this long after the log-in, however much it is used (ASVS 3.3.2). */
export const LONGEST_LIFE_MS = 90 * 24 * 3_600_000;

/**
 * Two tabs that wake up together send the same token twice; the second one is no thief. Within this time after its
 * first use a token goes on counting, for as many tabs as there are.
 */
export const PARALLEL_WINDOW_MS = 10_000;

/** What is known of a refresh token whose session has not been revoked. */
export interface PresentedToken {
  /** When the session was opened. */
  openedAt: Date;
  expiresAt: Date;
  usedAt: Date | null;
}

/** `use`: it buys the next token. `parallel`: so does it, for the other tab. `over`: too late. `replay`: somebody has a copy. */
export type Judgement = 'use' | 'parallel' | 'over' | 'replay';

/** Judges a refresh token (OAuth 2.0 Security BCP, RFC 9700 section 4.14.2: rotation with reuse detection). */
export function judgeRefreshToken({ openedAt, expiresAt, usedAt }: PresentedToken, now: Date): Judgement {
  if (expiresAt <= now || now.getTime() - openedAt.getTime() >= LONGEST_LIFE_MS) return 'over';
  if (usedAt === null) return 'use';
  return now.getTime() - usedAt.getTime() <= PARALLEL_WINDOW_MS ? 'parallel' : 'replay';
}
