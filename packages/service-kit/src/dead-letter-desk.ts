import { createHash } from 'node:crypto';
import type { DeadLetterQueue, Redriven, RedriveOrder } from '@evergreen/contracts/http/dead-letters.ts';
import { MAX_DEAD_LETTERS_SHOWN, QUEUES } from '@evergreen/contracts/topology.ts';
import type { ConsumeMessage } from 'amqplib';
import type pg from 'pg';
import type { Logger } from 'pino';
import { whileLocked } from './advisory-lock.ts';
import { rest } from './backoff.ts';
import type { Broker } from './broker.ts';
import { toRedrive } from './dead-letter.ts';
import { viewDeadLetter } from './dead-letter-view.ts';
import { failpoint } from './failpoint.ts';
import type { Held } from './hold-messages.ts';
import { Problem } from './problem.ts';
import { deadQueue, ownerOf } from './topology.ts';

/*
 * What operators do with a service's own dead letters.
 *
 *   a dead letter:  in the dead-letter queue -> held -> published to its queue -> confirmed -> settled
 *                                            -> held -> back in the dead-letter queue, where it was
 *
 * Between the confirm and settling it is in both queues: a crash there leaves it to be redriven twice, and the inbox of its consumer
 * knows the message by its id. One desk at a time holds messages of a queue, over all replicas, so none changes the order for another.
 */

/** Of one request. What is dead lies there until somebody looks; whoever has more asks again. */
const MAX_REDRIVEN = 1_000;
/**
 * Always as many, however few are wanted: what is given back waits behind what was given back before, so whoever held fewer
 * would put those behind the rest.
 */
const HELD = MAX_DEAD_LETTERS_SHOWN;
/** How long a look counts while the number of messages stays the same: each real one is written into the queue's log. */
const LOOK_COUNTS_MS = 30_000;
const LOCK_WAIT_MS = 5_000;
const LOCK_RETRY_MS = 50;

type Queue = DeadLetterQueue['queue'];

export interface DeadLetterDesk {
  /** The oldest messages of each of the service's own dead-letter queues, `limit` of each, and how many there are. */
  list(limit: number): Promise<DeadLetterQueue[]>;
  /**
   * Sends dead letters back to the queue they came from: all that are there now, 1,000 at most, or the one with this id, if it is
   * among the 100 oldest.
   * @throws Problem not_found for a queue of another service, service_unavailable while the broker is away or takes no messages
   */
  redrive(order: RedriveOrder): Promise<Redriven>;
}

interface Options {
  service: string;
  broker: Pick<Broker, 'hold' | 'send' | 'queueDepths'>;
  pool: pg.Pool;
  logger: Logger;
  lookCountsMs?: number;
}

interface Look extends DeadLetterQueue {
  atMs: number;
}

export function openDeadLetterDesk(options: Options): DeadLetterDesk {
  const { service, broker, pool, logger, lookCountsMs = LOOK_COUNTS_MS } = options;
  const looks = new Map<Queue, Look>();
  const own = QUEUES.filter(({ name }) => ownerOf(name) === service).map(({ name }) => name as Queue);

  const hold = <T>(queue: Queue, work: (held: Held) => Promise<T>): Promise<T> =>
    alone(pool, queue, () => broker.hold({ queue: deadQueue(queue), most: HELD }, work)).catch((error: unknown) => {
      if (error instanceof Problem) throw error;
      logger.warn({ err: error, queue }, 'dead letters cannot be reached');
      throw new Problem('service_unavailable', `The dead letters of ${queue} cannot be reached`);
    });

  async function readCounts(): Promise<Map<string, number>> {
    const depths = await broker.queueDepths(own.map(deadQueue)).catch((error: unknown) => {
      logger.warn({ err: error }, 'dead letters cannot be counted');
      throw new Problem('service_unavailable', 'The broker is away');
    });
    return new Map(depths.map(({ name, ready }) => [name, ready]));
  }

  async function lookAt(queue: Queue, count: number): Promise<DeadLetterQueue> {
    const known = looks.get(queue);
    if (known?.count === count && performance.now() - known.atMs < lookCountsMs) return known;
    const look = await hold(queue, async (held) => ({
      queue,
      count: held.count,
      messages: held.messages.map((message) => viewDeadLetter(queue, message)),
      atMs: performance.now(),
    }));
    looks.set(queue, look);
    return look;
  }

  async function redriveHeld(order: RedriveOrder, chosen: ConsumeMessage[], settle: Held['settle']): Promise<number> {
    const refusals = await broker.send(chosen.map((message) => toRedrive(order.queue, message)));
    const safe = chosen.filter((_, index) => refusals[index] === undefined);
    if (safe.length > 0) failpoint(`${service}-after-redrive`);
    settle(safe);
    const { queue, operatorId } = order;
    const messageIds = safe.map(({ properties }) => String(properties.messageId ?? ''));
    logger.info({ queue, operatorId, messageIds, refused: chosen.length - safe.length }, 'dead letters redriven');
    return safe.length;
  }

  async function redriveOne(order: RedriveOrder): Promise<Redriven> {
    return hold(order.queue, async ({ messages, count, settle }) => {
      const chosen = messages.filter(({ properties }) => properties.messageId === order.messageId);
      const redriven = chosen.length > 0 ? await redriveHeld(order, chosen, settle) : 0;
      if (redriven < chosen.length) throw new Problem('service_unavailable', `${order.queue} takes no messages now`);
      return { queue: order.queue, redriven, left: count - redriven };
    });
  }

  async function redriveAll(order: RedriveOrder): Promise<Redriven> {
    // What fails again comes back behind those that were there, and is not taken a second time.
    const done: Redriven = { queue: order.queue, redriven: 0, left: 0 };
    for (let there = MAX_REDRIVEN; done.redriven < there; ) {
      const { count, chosen, redriven } = await hold(order.queue, async ({ messages, count, settle }) => {
        const chosen = messages.slice(0, there - done.redriven);
        return { count, chosen: chosen.length, redriven: await redriveHeld(order, chosen, settle) };
      });
      if (done.redriven === 0) {
        done.left = count;
        there = Math.min(MAX_REDRIVEN, count);
      }
      done.redriven += redriven;
      done.left -= redriven;
      if (redriven < chosen && done.redriven === 0) {
        throw new Problem('service_unavailable', `${order.queue} takes no messages now`);
      }
      if (redriven < HELD) break;
    }
    return { ...done, left: Math.max(0, done.left) };
  }

  return {
    async list(limit) {
      const counts = await readCounts();
      const queues: DeadLetterQueue[] = [];
      for (const queue of own) {
        const { count, messages } = await lookAt(queue, counts.get(deadQueue(queue)) ?? 0);
        queues.push({ queue, count, messages: messages.slice(0, limit) });
      }
      return queues;
    },
    async redrive(order) {
      if (!own.includes(order.queue)) throw new Problem('not_found', `${order.queue} is not a queue of ${service}`);
      looks.delete(order.queue);
      return order.messageId === undefined ? redriveAll(order) : redriveOne(order);
    },
  };
}

/** @throws Problem service_unavailable when another one is at this queue for too long */
async function alone<T>(pool: pg.Pool, queue: string, work: () => Promise<T>): Promise<T> {
  const key = createHash('sha256').update(`dead letters of ${queue}`).digest().readUIntBE(0, 6);
  for (const giveUpAt = performance.now() + LOCK_WAIT_MS; ; ) {
    const done = await whileLocked(pool, key, work);
    if (done) return done.result;
    if (performance.now() > giveUpAt) {
      throw new Problem('service_unavailable', `Somebody else is at the dead letters of ${queue}`, {
        retryAfterSeconds: 1,
      });
    }
    await rest(LOCK_RETRY_MS);
  }
}
