import type { FastifyBaseLogger } from 'fastify';

const POLL_MS = 500;
const COMPLETER_BATCH = 20;
const REST_BASE_MS = 1_000;
const REST_MAX_MS = 30_000;

/** How long whoever pursues something has it to itself. When that process dies, a completer takes over after this. */
export const PURSUIT_LEASE_SECONDS = 15;
/** Ends before the lease does, so that no two processes pursue one thing for long. */
const PURSUIT_TIMEOUT_MS = (PURSUIT_LEASE_SECONDS - 2) * 1_000;

export interface Pursuits<Item> {
  /** Pursues something now, in the background; the promise settles with it and never rejects. */
  begin(item: Item): Promise<void>;
  /** Looks for unfinished work now and not with the next poll. */
  wake(): void;
  stop(): Promise<void>;
}

/**
 * Brings things with an unknown outcome at the payment gateway to their end: those begun here, and those whose lease has run
 * out, from whichever replica they come. The two have places of their own, so requests that wait for a slow gateway never keep the
 * completer from its work.
 * @param claim leases up to `limit` unfinished items to the caller
 * @param pursue finds out one outcome and writes it down; `isRepeat` when somebody has tried before
 */
export function startPursuits<Item>(options: {
  what: string;
  claim: (limit: number) => Promise<Item[]>;
  pursue: (item: Item, how: { isRepeat: boolean; signal: AbortSignal }) => Promise<void>;
  logger: FastifyBaseLogger;
}): Pursuits<Item> {
  const { what, claim, pursue, logger } = options;
  const underWay = new Set<Promise<void>>();
  const stopping = new AbortController();
  let completing = 0;

  const start = (item: Item, isRepeat: boolean): Promise<void> => {
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(PURSUIT_TIMEOUT_MS)]);
    const pursuit = pursue(item, { isRepeat, signal })
      .catch((err: unknown) => logger.error({ err, what }, 'a pursuit failed, and goes on when its lease is over'))
      .finally(() => underWay.delete(pursuit));
    underWay.add(pursuit);
    return pursuit;
  };

  const complete = async (): Promise<void> => {
    const room = COMPLETER_BATCH - completing;
    if (room === 0 || stopping.signal.aborted) return;
    completing += room;
    try {
      const claimed = await claim(room);
      completing -= room - claimed.length;
      for (const item of claimed) void start(item, true).finally(() => completing--);
    } catch (err) {
      completing -= room;
      logger.warn({ err, what }, 'unfinished work could not be read, trying again');
    }
  };

  const timer = setInterval(() => void complete(), POLL_MS);
  return {
    begin: (item) => start(item, false),
    wake: () => void complete(),
    async stop() {
      clearInterval(timer);
      stopping.abort();
      await Promise.allSettled(underWay);
    },
  };
}

/** How long to leave an unknown outcome alone after `attempts` pursuits: exponential up to 30 s, with equal jitter. */
export const restAfterUnknownMs = (attempts: number): number =>
  Math.round((0.5 + Math.random() / 2) * Math.min(REST_MAX_MS, REST_BASE_MS * 2 ** attempts));
