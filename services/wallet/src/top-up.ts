import { type Clock, iso } from '@evergreen/service-kit/clock.ts';
import { failpoint } from '@evergreen/service-kit/failpoint.ts';
import type { FastifyBaseLogger } from 'fastify';
import type pg from 'pg';
import type { Refill } from './auto-top-up.ts';
import type { PaymentGateway } from './payment-gateway.ts';
import { restAfterUnknownMs, startPursuits } from './pursuits.ts';
import {
  claimUnfinished,
  type NewTopUp,
  postponePursuit,
  recordIntent,
  settleTopUp,
  type TopUpRow,
} from './top-up-store.ts';

/** A request waits this long for the outcome; then it answers `processing`, and the top-up finishes by itself. */
const ANSWER_WITHIN_MS = 3_000;

const REQUEST = { type: 'POST /v1/wallet/top-ups', causationId: null };
const AUTOMATIC = { type: 'automatic top-up', causationId: null };

export interface TopUpDeps {
  pool: pg.Pool;
  clock: Clock;
  payments: PaymentGateway;
  wakeOutbox: () => void;
  countTransfers: Refill['countTransfers'];
  logger: FastifyBaseLogger;
}

/**
 * Top-ups from intent to outcome. `begin` writes the intent before it asks for money, so a crash at any step leaves a row
 * that the completer of any replica picks up: it asks the gateway what became of the key, and asks again under the same key.
 */
export function topUps(deps: TopUpDeps) {
  const pursuits = startPursuits<TopUpRow>({
    what: 'top-up',
    claim: (limit) => claimUnfinished(deps.pool, limit),
    pursue: (topUp, how) => pursue({ ...deps, wakeTopUps: () => pursuits.wake() }, topUp, how),
    logger: deps.logger,
  });
  return {
    /**
     * Begins a top-up and waits for its outcome, at most 3 s. The same id again pursues nothing a second time.
     * @throws Problem validation_failed when the balance could pass 2^53-1
     */
    async begin(request: Omit<NewTopUp, 'businessTime'>): Promise<void> {
      const businessTime = iso(await deps.clock.now());
      const topUp = await recordIntent(deps.pool, { ...request, businessTime });
      failpoint('wallet-after-intent');
      if (topUp) await settledWithin(ANSWER_WITHIN_MS, pursuits.begin(topUp));
    },
    /** Looks for unfinished top-ups now. */
    wake: pursuits.wake,
    stop: pursuits.stop,
  };
}

export type TopUps = ReturnType<typeof topUps>;

/** Finds out what becomes of one payment, and settles it; while that stays unknown, lets it rest for longer and longer. */
async function pursue(
  deps: TopUpDeps & Refill,
  topUp: TopUpRow,
  { isRepeat, signal }: { isRepeat: boolean; signal: AbortSignal },
): Promise<void> {
  const { id, userId, amount, currency, paymentMethod, origin } = topUp;
  // Should this database ever be set back behind the provider, the log alone says whose the money is.
  deps.logger.info({ topUpId: id, userId, amount, currency }, 'pursuing a top-up');
  // Nobody but the completer pursues an automatic top-up, so its first try is the first there is.
  const askFirst = origin === 'customer' ? isRepeat : topUp.attempts > 1;
  // Asking first never charges; a key can be too old for the gateway to remember, and then a payment would be a second one.
  const found = askFirst ? await deps.payments.find(id, signal) : { status: 'not_found' as const };
  const outcome =
    found.status === 'not_found'
      ? await deps.payments.pay({ key: id, amount, currency, paymentMethod }, signal)
      : found;
  if (outcome.status === 'unknown') {
    const restMs = restAfterUnknownMs(topUp.attempts);
    deps.logger.warn({ topUpId: id, reason: outcome.reason, restMs }, 'top-up outcome unknown');
    await postponePursuit(deps.pool, id, restMs);
    return;
  }
  failpoint('wallet-after-payment');
  const businessTime = iso(await deps.clock.now());
  const causedBy = origin === 'auto' ? AUTOMATIC : REQUEST;
  await settleTopUp(deps.pool, { topUpId: id, businessTime, causedBy, ...outcome }, deps);
  failpoint('wallet-after-credit');
  deps.wakeOutbox();
}

/** Waits for work that never rejects, but no longer than `timeoutMs`. */
export async function settledWithin(timeoutMs: number, work: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, timeoutMs);
  await Promise.race([work, promise]);
  clearTimeout(timer);
}
