import { type EventFlow, type FlowAnswer, type FlowEvent, MAX_FLOW_EVENTS } from '@evergreen/contracts/socket.ts';
import { endOf } from '@evergreen/service-kit/backoff.ts';
import type { Tapped } from '@evergreen/service-kit/flow-tap.ts';
import { problemBody } from '@evergreen/service-kit/problem.ts';
import type { FastifyBaseLogger } from 'fastify';
import type { PushServer, PushSocket } from './push.ts';

/*
 * The flow of events, for operators that asked to see it.
 *
 *   nobody watches -> opening -> open: a batch at most every 250 ms -> nobody watches
 *                        ^  |
 *                        +--+ failed: again a few seconds later, while somebody watches
 *
 * One change at a time: however often clients come and go, there is never more than one tap, and it outlives the last of
 * them by a moment, so that a page that is loaded again finds it open.
 */

export const FLOW_INTERVAL_MS = 250;
const LINGER_MS = 2_000;
const TRY_AGAIN_MS = 3_000;
const STOP_TIMEOUT_MS = 5_000;
const ROOM = 'event-flow';

/** Opens the tap that the flow comes from, or throws when the broker is away. */
export type OpenTap = (take: (tapped: Tapped) => void) => Promise<{ close(): Promise<void> }>;

export interface EventFlowOffer {
  /** Lets a socket that was admitted ask for the flow, if its user is an operator. */
  offerTo(socket: PushSocket): void;
  close(): Promise<void>;
}

export function createEventFlow(io: PushServer, openTap: OpenTap, logger: FastifyBaseLogger): EventFlowOffer {
  const batch = createBatch();
  let isClosed = false;
  const isWanted = () => !isClosed && (io.of('/').adapter.rooms.get(ROOM)?.size ?? 0) > 0;

  async function open(): Promise<Close> {
    const tap = await openTap(batch.add);
    const ticking = setInterval(() => {
      const flow = batch.take();
      if (flow) io.to(ROOM).emit('event-flow', flow);
    }, FLOW_INTERVAL_MS);
    return async () => {
      clearInterval(ticking);
      await tap.close();
      batch.take();
    };
  }

  const { settle, settleIn } = keepOpenWhile(isWanted, open, logger);

  function watch(socket: PushSocket): FlowAnswer {
    if (socket.data.caller.role !== 'operator') {
      return problemBody('forbidden', { detail: 'Only an operator may watch the flow of events' });
    }
    void socket.join(ROOM);
    void settle();
    return { watching: true };
  }

  return {
    offerTo(socket) {
      socket.on('flow:watch', (answer) => {
        const given = watch(socket);
        // A client may send anything in its place, and need not ask.
        if (typeof answer === 'function') answer(given);
      });
      socket.on('flow:unwatch', () => {
        void socket.leave(ROOM);
        settleIn(LINGER_MS);
      });
      socket.on('disconnect', () => settleIn(LINGER_MS));
    },
    async close() {
      isClosed = true;
      await endOf(settle(), STOP_TIMEOUT_MS);
    },
  };
}

type Close = () => Promise<void>;

/** Opens and closes something, one change at a time, as it is wanted when its turn comes. */
function keepOpenWhile(isWanted: () => boolean, open: () => Promise<Close>, logger: FastifyBaseLogger) {
  let close: Close | undefined;
  let lastChange: Promise<void> = Promise.resolve();

  async function change(): Promise<void> {
    if (isWanted() === (close !== undefined)) return;
    try {
      const closing = close;
      close = undefined;
      if (closing) await closing();
      else close = await open();
    } catch (err) {
      logger.warn({ err }, 'the flow of events cannot be watched, trying again');
      settleIn(TRY_AGAIN_MS);
    }
  }

  function settle(): Promise<void> {
    lastChange = lastChange.then(change);
    return lastChange;
  }

  const settleIn = (delayMs: number) => void setTimeout(settle, delayMs).unref();
  return { settle, settleIn };
}

interface Happened {
  /** Its place in the order of all that happened. */
  place: number;
  event: FlowEvent;
}

/** Keeps what happened since it was last taken, as much as fits; of the rest it keeps the number alone. */
export function createBatch() {
  let published: Happened[] = [];
  let setAside: Happened[] = [];
  let total = 0;

  return {
    add({ kind, read }: Tapped): void {
      const kept = kind === 'published' ? published : setAside;
      // What does not fit is not even read, so a flood costs little.
      if (kept.length < MAX_FLOW_EVENTS) kept.push({ place: total, event: read() });
      total++;
    },
    /** Retries and dead letters, and as many of the others as fit beside them; undefined when nothing happened. */
    take(): EventFlow | undefined {
      if (total === 0) return undefined;
      const kept = [...published.slice(0, MAX_FLOW_EVENTS - setAside.length), ...setAside];
      const events = kept.sort((one, other) => one.place - other.place).map(({ event }) => event);
      const leftOut = total - events.length;
      published = [];
      setAside = [];
      total = 0;
      return { events, leftOut };
    },
  };
}
