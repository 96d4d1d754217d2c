import { randomUUID } from 'node:crypto';
import type { FlowEvent } from '@evergreen/contracts/socket.ts';
import {
  bindingKeys,
  EVENT_EXCHANGE,
  MAX_MESSAGE_BYTES,
  NOTIFIER_FLOW,
  QUEUES,
  queuesOf,
  RETRY_DELAYS_MS,
} from '@evergreen/contracts/topology.ts';
import type { Channel, ConsumeMessage } from 'amqplib';
import type { Logger } from 'pino';
import { keepConnected, type Session } from './connection.ts';
import { failedAttempts, publishedKey } from './dead-letter.ts';
import { deadQueue, ownerOf, retryQueue, setAsideExchange } from './topology.ts';

/*
 * Listens to all that services say to each other, for as long as somebody wants to see it. What is set aside for another
 * try, or as a dead letter, passes through an exchange as well, so nobody has to report it and nothing costs more while
 * nobody listens. It is a connection of its own: what pours through it never stands in the way of the service's own queues.
 */

/** What the broker keeps for a listener that is slow, before the oldest go. */
const MAX_LENGTH = 10_000;
const MAX_BYTES = 16 * 1024 * 1024;
const FIRST_CONNECT_MS = 5_000;
/** Subjects and ids are shorter; what is longer came from nowhere good. */
const MAX_TEXT_LENGTH = 200;

export interface Tapped {
  kind: FlowEvent['kind'];
  /** Reads the envelope, and nothing else. It takes the whole body to do so: leave it where nobody will look. */
  read(): FlowEvent;
}

export interface FlowTapOptions {
  /** amqp:// or amqps://, of a user with the rights for NOTIFIER_FLOW. */
  url: string;
  service: string;
  logger: Logger;
  /** Called for each thing that happens, in the order the broker tells of it. */
  take: (tapped: Tapped) => void;
}

/**
 * Opens the tap. It mends itself when the connection is lost, and what happened meanwhile is not told.
 * @throws Error when there is no broker within 5 s, or it refuses
 */
export async function openFlowTap({ url, service, logger, take }: FlowTapOptions): Promise<{ close(): Promise<void> }> {
  return keepConnected({
    url,
    name: `${service} flow`,
    logger,
    firstConnectMs: FIRST_CONNECT_MS,
    prepare: (session) => listen(session, logger, take),
  });
}

async function listen({ connection, lose }: Session, logger: Logger, take: FlowTapOptions['take']): Promise<void> {
  const channel = await connection.createChannel();
  channel.on('error', (err) => logger.warn({ err }, 'channel failed'));
  channel.on('close', () => lose(new Error('the channel of the event flow was closed')));
  const { queue } = await channel.assertQueue(`${NOTIFIER_FLOW.name}.${randomUUID()}`, {
    exclusive: true,
    autoDelete: true,
    durable: false,
    maxLength: MAX_LENGTH,
    arguments: { 'x-max-length-bytes': MAX_BYTES, 'x-overflow': 'drop-head' },
  });
  await bindToEverything(channel, queue);
  await channel.consume(
    queue,
    (message) => {
      if (message) take(tap(message));
      else lose(new Error('the broker ended the event flow'));
    },
    { noAck: true, exclusive: true },
  );
}

interface SetAside {
  kind: 'retried' | 'dead';
  /** The queue it was taken from. */
  queue: string;
}

/** By the queue a message is set aside in, which is the routing key that leads there. */
const SET_ASIDE: ReadonlyMap<string, SetAside> = new Map(
  QUEUES.flatMap(({ name: queue }) => [
    ...RETRY_DELAYS_MS.map((_, index): [string, SetAside] => [
      retryQueue(queue, index + 1),
      { kind: 'retried', queue },
    ]),
    [deadQueue(queue), { kind: 'dead', queue }] as [string, SetAside],
  ]),
);

async function bindToEverything(channel: Channel, queue: string): Promise<void> {
  await Promise.all([
    ...bindingKeys(NOTIFIER_FLOW.events).map((key) => channel.bindQueue(queue, EVENT_EXCHANGE, key)),
    ...[...SET_ASIDE].map(([key, from]) => channel.bindQueue(queue, setAsideExchange(from.queue), key)),
  ]);
}

function tap(message: ConsumeMessage): Tapped {
  const { exchange, routingKey } = message.fields;
  const setAside = exchange === EVENT_EXCHANGE ? undefined : SET_ASIDE.get(routingKey);
  if (!setAside) {
    return {
      kind: 'published',
      read: () => ({ ...envelopeOf(message, routingKey), kind: 'published', consumers: queuesOf(routingKey) }),
    };
  }
  const { kind, queue } = setAside;
  return {
    kind,
    read: () => ({
      ...envelopeOf(message, publishedKey(message, queue) ?? 'unknown'),
      kind,
      queue,
      consumers: [queue],
      attempt: failedAttempts(message) + (kind === 'dead' ? 1 : 0),
    }),
  };
}

/**
 * What an envelope says of itself. Type and source are those of the routing key, which the broker lets only its own
 * service use; a dead letter may be no event at all, and then the rest is what its properties say.
 */
function envelopeOf(
  { content, properties }: ConsumeMessage,
  type: string,
): Pick<FlowEvent, 'id' | 'type' | 'source' | 'subject' | 'time'> {
  const said = parse(content);
  return {
    id: textOf(said.id) || textOf(properties.messageId),
    type: textOf(type),
    source: type.startsWith('evergreen.') ? `/evergreen/${ownerOf(type)}` : '',
    subject: textOf(said.subject),
    time: textOf(said.time) || textOf(properties.headers?.['x-dead-at']),
  };
}

function parse(body: Buffer): Record<string, unknown> {
  if (body.byteLength > MAX_MESSAGE_BYTES) return {};
  try {
    const value: unknown = JSON.parse(body.toString());
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value.slice(0, MAX_TEXT_LENGTH) : '');
