import type { Socket } from 'node:net';
import { Problem } from '@evergreen/service-kit/problem.ts';

/*
 * The requests to pay and to refund that are in hand, and the time they are kept waiting.
 *
 *   deciding (latency, card, database) -> answered
 *                                      -> hanging (until the client goes away, the limit, or stop) -> cut off
 *
 * A client that goes away while its payment is being decided changes nothing: as with a real provider the payment is
 * decided all the same, and its event says so. On stop latency is cut short, hanging ends, and what is in hand is finished.
 */

/** Requests in hand at once, deciding and hanging together. */
const MAX_IN_HAND = 1_000;
const HANG_LIMIT_MS = 60_000;

export type Holds = ReturnType<typeof openHolds>;

export function openHolds({ maxInHand = MAX_IN_HAND, hangLimitMs = HANG_LIMIT_MS } = {}) {
  const inHand = new Set<Promise<unknown>>();
  const waiting = new Set<() => void>();
  let hanging = 0;
  let done = 0;
  let stopping = false;

  async function wait(durationMs: number, socket?: Socket): Promise<void> {
    if (stopping || durationMs <= 0 || socket?.destroyed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, durationMs);
    waiting.add(resolve);
    socket?.once('close', resolve);
    await promise;
    clearTimeout(timer);
    waiting.delete(resolve);
    socket?.off('close', resolve);
  }

  return {
    /**
     * Runs the work of one request, hanging included.
     * @throws Problem service_unavailable when too many are in hand
     */
    async during<T>(work: () => Promise<T>): Promise<T> {
      if (inHand.size >= maxInHand) {
        throw new Problem('service_unavailable', 'Too many payments and refunds at once', { retryAfterSeconds: 1 });
      }
      const running = work();
      inHand.add(running);
      try {
        return await running;
      } finally {
        inHand.delete(running);
        done++;
      }
    },
    /** Latency, in milliseconds. */
    pause: (durationMs: number): Promise<void> => wait(durationMs),
    /** Never answers: returns once the client has gone or its connection was cut. */
    async hang(socket: Socket): Promise<void> {
      hanging++;
      await wait(hangLimitMs, socket);
      hanging--;
      socket.destroy();
    },
    /** `inFlight`: payments and refunds still being decided. `handled`: requests that have ended. */
    activity: () => ({ inFlight: inHand.size - hanging, handled: done }),
    /** Lets nobody wait any more, and returns when nothing is in hand. */
    async close(): Promise<void> {
      stopping = true;
      for (const wake of waiting) wake();
      await Promise.allSettled(inHand);
    },
  };
}
