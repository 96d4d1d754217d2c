import { createHash } from 'node:crypto';
import {
  bindingKeys,
  DELIVERY_LIMIT,
  EVENT_EXCHANGE,
  MAX_QUEUE_LENGTH,
  QUEUES,
  type QueueDefinition,
  RETRY_DELAYS_MS,
} from '@evergreen/contracts/topology.ts';
import type { Channel, ChannelModel } from 'amqplib';
import { endOf, within } from './backoff.ts';
import { connectToAny } from './broker-nodes.ts';
import { messageOf } from './error-message.ts';

const DECLARE_TIMEOUT_MS = 60_000;
const CLOSE_TIMEOUT_MS = 2_000;

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

/** The service a queue, or a type of event, belongs to: the first word of the name, `evergreen` not counted. */
export const ownerOf = (name: string): string => name.replace(/^evergreen\./, '').split('.', 1)[0] ?? '';

/**
 * The direct exchange through which a queue's consumer sends messages to rest, to the dead letters and back. Through
 * the default exchange, who may reach one queue may reach every queue; this one leads to those of its owner alone.
 */
export const setAsideExchange = (queue: string): string => `${ownerOf(queue)}.set-aside`;

export const setAsideExchanges = (queues: readonly QueueDefinition[] = QUEUES): string[] => [
  ...new Set(queues.map(({ name }) => setAsideExchange(name))),
];

/**
 * An exchange nobody uses, declared after everything else: where it is, all queues and bindings of this topology are.
 * Bindings cannot be asked for, and a publisher that came between two of them would lose events without a word.
 */
export const completeMark = (queues: readonly QueueDefinition[]): string => {
  const bound = queues.map(({ name, events }) => [name, ...bindingKeys(events)]);
  return `evergreen.topology.${createHash('sha256').update(JSON.stringify(bound)).digest('hex').slice(0, 12)}`;
};

/**
 * Declares the exchanges, every queue and every binding; declaring again changes nothing. It takes a user with all
 * rights, which no service is. RabbitMQ 3.10 and later know all of these arguments.
 */
async function declareTopology(channel: Channel, queues: readonly QueueDefinition[] = QUEUES): Promise<void> {
  await channel.assertExchange(EVENT_EXCHANGE, 'topic', { durable: true });
  for (const name of setAsideExchanges(queues)) await channel.assertExchange(name, 'direct', { durable: true });
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
    for (const each of queueNames([{ name, events }])) await channel.bindQueue(each, setAsideExchange(name), each);
    for (const key of bindingKeys(events)) await channel.bindQueue(name, EVENT_EXCHANGE, key);
  }
  await channel.assertExchange(completeMark(queues), 'fanout', { durable: true, internal: true });
}

/**
 * Declares the topology on the broker and virtual host of `url`, whose user needs all rights there. Of several nodes the first that
 * answers does. A cluster has to be complete by then: a quorum queue is kept by the nodes that are members when it is declared.
 * Services may be running: where all is there already, one that comes back meanwhile finds it so at every moment.
 * @throws Error when no broker answers within 10 s, or it refuses, or has something else of the same name
 */
export async function setUpTopology(url: string): Promise<void> {
  const connection = await connectToAny(url);
  connection.on('error', () => {}); // What is under way fails with the same error.
  try {
    await within(DECLARE_TIMEOUT_MS, completeTopology(connection));
  } finally {
    await endOf(connection.close(), CLOSE_TIMEOUT_MS);
  }
}

async function completeTopology(connection: ChannelModel): Promise<void> {
  try {
    await withChannel(connection, checkTopology);
  } catch (error) {
    if (!(error instanceof IncompleteTopology)) throw error;
    // The mark may not say that all is there until the end: a queue that was lost is declared before it is bound.
    await withChannel(connection, async (channel) => void (await channel.deleteExchange(completeMark(QUEUES))));
  }
  // Also where all is there: a binding that was lost cannot be seen.
  await withChannel(connection, declareTopology);
}

class IncompleteTopology extends Error {}

/**
 * Looks whether the topology is there, complete, which takes no rights at all.
 * @throws IncompleteTopology that names the first thing that is missing
 */
export async function checkTopology(channel: Channel, queues: readonly QueueDefinition[] = QUEUES): Promise<void> {
  try {
    const exchanges = [EVENT_EXCHANGE, ...setAsideExchanges(queues), completeMark(queues)];
    for (const name of exchanges) await channel.checkExchange(name);
    for (const name of queueNames(queues)) await channel.checkQueue(name);
  } catch (error) {
    const [missing] = /no (exchange|queue) '[^']*'/.exec(messageOf(error)) ?? [];
    if (missing === undefined) throw error;
    throw new IncompleteTopology(
      `it has ${missing}; it has to be set up first, by packages/stack/src/set-up-broker.ts`,
    );
  }
}

/** Works on a channel of its own. */
export async function withChannel(connection: ChannelModel, work: (channel: Channel) => Promise<void>): Promise<void> {
  const channel = await connection.createChannel();
  channel.on('error', () => {}); // The operation that caused it fails with the same error.
  await work(channel);
  await channel.close();
}
