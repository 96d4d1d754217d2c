import type { Role } from '@evergreen/contracts/http/auth.ts';

const [MINUTE_MS, HOUR_MS, DAY_MS] = [60_000, 3_600_000, 86_400_000];

/** How long a session may go unused, and how long it may last at all. */
export interface Lifetimes {
  idleMs: number;
  longestMs: number;
}

/** ASVS 4.0.3, 3.3.2: level 2 for operators, who can move anybody's money; customers are asked less often. */
const LIFETIMES: Record<Role, Lifetimes> = {
  customer: { idleMs: 30 * DAY_MS, longestMs: 90 * DAY_MS },
  operator: { idleMs: 30 * MINUTE_MS, longestMs: 12 * HOUR_MS },
};

export const lifetimesOf = (role: Role): Lifetimes => LIFETIMES[role];

/** No session goes unused for longer. */
export const LONGEST_IDLE_MS = LIFETIMES.customer.idleMs;

/**
 * Two tabs that wake up together send the same token twice; the second one is no thief. Within this time after its
 * first use a token goes on counting, for as many tabs as there are.
 */
export const PARALLEL_WINDOW_MS = 10_000;

/** What is known of a refresh token whose session has not been revoked. */
export interface PresentedToken {
  role: Role;
  /** When the session was opened. */
  openedAt: Date;
  expiresAt: Date;
  /** When the first token of its generation was used, if any was. */
  generationUsedAt: Date | null;
}

/** `use`: it buys the next token. `parallel`: so does it, for the other tab. `over`: too late. `replay`: somebody has a copy. */
export type Judgement = 'use' | 'parallel' | 'over' | 'replay';

/**
 * Judges a refresh token (OAuth 2.0 Security BCP, RFC 9700 section 4.14.2: rotation with reuse detection). Tabs that used one token at
 * once have brothers, of one generation, and go on with the one that came last. So two brothers used apart in time are as telling as
 * one token used twice: a thief who was as quick as a tab is found out all the same.
 */
export function judgeRefreshToken(token: PresentedToken, now: Date): Judgement {
  const { role, openedAt, expiresAt, generationUsedAt } = token;
  if (expiresAt <= now || now.getTime() - openedAt.getTime() >= lifetimesOf(role).longestMs) return 'over';
  if (generationUsedAt === null) return 'use';
  return now.getTime() - generationUsedAt.getTime() <= PARALLEL_WINDOW_MS ? 'parallel' : 'replay';
}
