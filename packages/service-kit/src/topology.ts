import {
  bindingKeys,
  DELIVERY_LIMIT,
  EVENT_EXCHANGE,
  MAX_QUEUE_LENGTH,
  QUEUES,
  type QueueDefinition,
  RETRY_DELAYS_MS,
} from '@evergreen/contracts/topology.ts';
import type { Channel } from 'amqplib';

/** A rest may be this much shorter or longer than planned, so that what failed together comes back apart. */
export const RETRY_JITTER = 0.2;

/** Where a message rests after its attempt number `attempt` (1 or more) failed. */
export const retryQueue = (queue: string, attempt: number): string => `${queue}.retry.${attempt}`;

/** Where a message ends that cannot be handled, for an operator to look at and redrive. */
export const deadQueue = (queue: string): string => `${queue}.dead`;

/** Every durable queue there is: the main ones, with their retry and dead-letter queues. */
export const queueNames = (queues: readonly QueueDefinition[] = QUEUES): string[] =>
  queues.flatMap(({ name }) => [
    name,
    ...RETRY_DELAYS_MS.map((_, index) => retryQueue(name, index + 1)),
    deadQueue(name),
  ]);

/**
 * Quorum queues that refuse when they are full, so a publisher keeps its message. Only with reject-publish does the
 * broker dead-letter at least once: it keeps a message until the next queue has confirmed it.
 */
const bounded = {
  'x-queue-type': 'quorum',
  'x-max-length': MAX_QUEUE_LENGTH,
  'x-overflow': 'reject-publish',
};

const deadLetterTo = (queue: string) => ({
  'x-dead-letter-exchange': '',
  'x-dead-letter-routing-key': queue,
  'x-dead-letter-strategy': 'at-least-once',
});

/** RabbitMQ 4 drops a message after 20 deliveries where no limit is set, and 3.10 takes no "unlimited". */
const PRACTICALLY_UNLIMITED = 1_000_000_000;

/**
 * Declares the exchange, every queue and every binding. Declaring again changes nothing, so each service does it on
 * each connection; RabbitMQ 3.10 and later know all of these arguments.
 */
export async function declareTopology(channel: Channel, queues: readonly QueueDefinition[] = QUEUES): Promise<void> {
  await channel.assertExchange(EVENT_EXCHANGE, 'topic', { durable: true });
  for (const { name, events } of queues) {
    await channel.assertQueue(deadQueue(name), {
      durable: true,
      arguments: { ...bounded, 'x-delivery-limit': PRACTICALLY_UNLIMITED },
    });
    await channel.assertQueue(name, {
      durable: true,
      arguments: { ...bounded, ...deadLetterTo(deadQueue(name)), 'x-delivery-limit': DELIVERY_LIMIT },
    });
    for (const [index, delayMs] of RETRY_DELAYS_MS.entries()) {
      // Each message carries its own jittered delay; the queue's limit stops one that would rest for ever.
      const longestMs = Math.round(delayMs * (1 + RETRY_JITTER));
      await channel.assertQueue(retryQueue(name, index + 1), {
        durable: true,
        arguments: { ...bounded, ...deadLetterTo(name), 'x-message-ttl': longestMs },
      });
    }
    for (const key of bindingKeys(events)) await channel.bindQueue(name, EVENT_EXCHANGE, key);
  }
}
