/** How long a key goes on being published after it signed its last token, on top of that token's life. For clocks that differ. */
const SKEW_MS = 300_000;

/** When a key signs. The one without a beginning is the next. */
export interface KeyTimes {
  createdAt: Date;
  signsFrom: Date | null;
}

/** The key that signs now: of those that have begun, the one that began last. */
export function signingKey<K extends KeyTimes>(keys: readonly K[], now: Date): K | undefined {
  return keys
    .filter((key) => hasBegun(key, now))
    .sort(byBeginning)
    .at(-1);
}

/** The keys no token can be signed with any more, `tokenLifeMs` (and some minutes) after their successor began. */
export function spentKeys<K extends KeyTimes>(keys: readonly K[], now: Date, tokenLifeMs: number): K[] {
  const begun = keys.filter((key) => hasBegun(key, now)).sort(byBeginning);
  return begun.filter((_key, index) => {
    const successor = begun[index + 1]?.signsFrom;
    return successor != null && successor.getTime() + tokenLifeMs + SKEW_MS < now.getTime();
  });
}

/** Is the key that signs now as old as a key may get? Not while its successor is about to take over. */
export function rotationIsDue(keys: readonly KeyTimes[], now: Date, rotateAfterMs: number): boolean {
  if (takingOver(keys, now)) return false;
  const signsFrom = signingKey(keys, now)?.signsFrom;
  return signsFrom != null && signsFrom.getTime() + rotateAfterMs <= now.getTime();
}

/** The key whose beginning is set, and not yet there. */
export const takingOver = <K extends KeyTimes>(keys: readonly K[], now: Date): K | undefined =>
  keys.find(({ signsFrom }) => signsFrom !== null && signsFrom > now);

/**
 * When the next key may begin: at once, if it has been published for long enough for every verifier to have it, else as
 * soon as it has.
 */
export function beginningOf({ createdAt }: KeyTimes, now: Date, publishedAheadMs: number): Date {
  return new Date(Math.max(now.getTime(), createdAt.getTime() + publishedAheadMs));
}

const hasBegun = ({ signsFrom }: KeyTimes, now: Date): boolean => signsFrom !== null && signsFrom <= now;

const byBeginning = (a: KeyTimes, b: KeyTimes): number => Number(a.signsFrom) - Number(b.signsFrom);
