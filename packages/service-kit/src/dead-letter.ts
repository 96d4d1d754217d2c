import { EVENT_EXCHANGE, RETRY_DELAYS_MS } from '@evergreen/contracts/topology.ts';
import type { ConsumeMessage, MessageProperties, Options, XDeath } from 'amqplib';
import { messageOf } from './error-message.ts';
import type { UnreadableReason } from './events.ts';
import type { Outgoing } from './publisher.ts';
import { deadQueue, RETRY_JITTER, retryQueue, setAsideExchange } from './topology.ts';

/** Why a message is in a dead-letter queue. The broker's own reason, `delivery_limit`, is in its x-death header. */
export type DeadReason = UnreadableReason | 'foreign_routing_key' | 'attempts_exhausted';

const MAX_TEXT_LENGTH = 500;
const MAX_FOREIGN_HEADERS = 30;
const MAX_NAME_LENGTH = 100;

/**
 * Headers that mean something to the broker. Carried over, CC and BCC would route copies elsewhere, and x-death would make the
 * broker take a redriven message for one that goes in circles, and drop it.
 */
const BROKER_HEADERS = /^(cc|bcc|x-death|x-first-death-.*|x-last-death-.*|x-delivery-count|x-acquired-count)$/i;

/** What tells of the attempts that failed, and of their end. */
const OF_FAILURE = /^x-(attempt|last-error|dead-.*)$/;

/** Attempts at a message that have failed so far, by our own count: 0 to RETRY_DELAYS_MS.length. */
export function failedAttempts({ properties }: ConsumeMessage): number {
  const attempts: unknown = properties.headers?.['x-attempt'];
  const isCount = Number.isInteger(attempts) && Number(attempts) > 0;
  return isCount ? Math.min(Number(attempts), RETRY_DELAYS_MS.length) : 0;
}

/** What becomes of a message whose handler failed: a rest before the next attempt, or the end after the last one. */
export function afterFailure(
  queue: string,
  message: ConsumeMessage,
  error: unknown,
): { outcome: 'retried' | 'dead'; outgoing: Outgoing } {
  const reason = messageOf(error);
  const attempt = failedAttempts(message) + 1;
  const delayMs = RETRY_DELAYS_MS[attempt - 1];
  if (delayMs === undefined) {
    return { outcome: 'dead', outgoing: toDead(queue, message, 'attempts_exhausted', reason) };
  }
  const outgoing = copyTo(retryQueue(queue, attempt), message, { 'x-attempt': attempt, 'x-last-error': reason });
  const jitter = 1 + RETRY_JITTER * (2 * Math.random() - 1);
  outgoing.options.expiration = Math.round(delayMs * jitter);
  return { outcome: 'retried', outgoing };
}

/** The message as it came, on its way to the dead-letter queue, with the reason in its headers. */
export function toDead(queue: string, message: ConsumeMessage, reason: DeadReason, detail: string): Outgoing {
  return copyTo(deadQueue(queue), message, {
    'x-dead-reason': reason,
    'x-dead-detail': detail,
    'x-dead-at': new Date().toISOString(),
  });
}

/** How often a message has been redriven. */
export function redrivesOf({ properties }: ConsumeMessage): number {
  const redrives: unknown = properties.headers?.['x-redrives'];
  return Number.isSafeInteger(redrives) && Number(redrives) > 0 ? Number(redrives) : 0;
}

/** What the broker wrote into a message that it dead-lettered itself. Publishers can write it too, so it is read with care. */
export function brokersWord({ properties }: ConsumeMessage): {
  reason?: string;
  at?: Date;
  routingKey?: string;
} {
  const deaths: unknown = properties.headers?.['x-death'];
  const last = (Array.isArray(deaths) ? deaths[0] : undefined) as Partial<XDeath> | undefined;
  if (typeof last !== 'object' || last === null) return {};
  const at = new Date(Number(last.time?.value) * 1_000);
  const routingKey: unknown = last.exchange === EVENT_EXCHANGE ? last['routing-keys']?.[0] : undefined;
  return {
    ...(typeof last.reason === 'string' && { reason: last.reason }),
    ...(!Number.isNaN(at.getTime()) && { at }),
    ...(typeof routingKey === 'string' && { routingKey }),
  };
}

/**
 * A dead letter on its way back to the queue it came from: same body, same message id, by which the inbox knows it, and all of its
 * attempts before it again. The routing key stays what it was, so that what is foreign is refused again.
 */
export function toRedrive(queue: string, message: ConsumeMessage): Outgoing {
  const { 'x-original-routing-key': known } = message.properties.headers ?? {};
  const { routingKey } = brokersWord(message);
  const outgoing = copyTo(queue, message, {
    'x-redrives': redrivesOf(message) + 1,
    ...(known === undefined && routingKey !== undefined && { 'x-original-routing-key': routingKey }),
  });
  const { headers } = outgoing.options;
  for (const name of Object.keys(headers)) if (OF_FAILURE.test(name)) delete headers[name];
  return outgoing;
}

/**
 * The routing key an event was published with, which the broker lets only its own service use. Once it has been set
 * aside, our own header has it; before, whoever published the message may have written that header.
 * @param queue the one it was taken from, or one beside it
 * @returns undefined for a message that an administrator put into the queue; for one that came by a way around those rights,
 * through an exchange or a dead-letter queue of somebody's own, words that are no type
 */
export function publishedKey({ fields, properties }: ConsumeMessage, queue: string): string | undefined {
  const { exchange, routingKey } = fields;
  if (exchange === EVENT_EXCHANGE)
    return isFirstHand(properties) ? routingKey : `${routingKey}, dead-lettered on the way`;
  if (exchange !== '' && exchange !== setAsideExchange(queue)) return `${routingKey}, by the exchange ${exchange}`;
  const original: unknown = properties.headers?.['x-original-routing-key'];
  return typeof original === 'string' ? original : undefined;
}

/** Was it published, and not passed on by a queue whose dead letters go to the events' exchange? The broker marks those. */
export const isFirstHand = ({ headers }: MessageProperties): boolean => headers?.['x-death'] === undefined;

/** A message for a queue of ours, through our exchange for that: same body, same properties, and more headers. */
function copyTo(queue: string, message: ConsumeMessage, headers: Headers): Outgoing {
  const { content, properties } = message;
  const foreign = foreignHeaders(properties);
  const original = publishedKey(message, queue);
  const added = { ...(original !== undefined && { 'x-original-routing-key': original }), ...headers };
  for (const [name, value] of Object.entries(added)) {
    foreign[name] = typeof value === 'string' ? value.slice(0, MAX_TEXT_LENGTH) : value;
  }
  return {
    exchange: setAsideExchange(queue),
    routingKey: queue,
    body: content,
    options: { ...sameProperties(properties), headers: foreign },
  };
}

type Headers = Record<string, string | number | boolean>;

/** Plain headers of the original, few and short: the protocol takes 64 KiB, and a larger table could not be sent on. */
function foreignHeaders({ headers = {} }: MessageProperties): Headers {
  const kept = Object.entries(headers).filter((entry): entry is [string, Headers[string]] => {
    const [name, value] = entry;
    if (BROKER_HEADERS.test(name) || name.length > MAX_NAME_LENGTH) return false;
    if (typeof value === 'string') return value.length <= MAX_TEXT_LENGTH;
    return typeof value === 'boolean' || Number.isSafeInteger(value);
  });
  return Object.fromEntries(kept.slice(0, MAX_FOREIGN_HEADERS));
}

/**
 * The properties that describe the content. `expiration` would make a dead letter vanish, and the broker closes a
 * channel that publishes under another's `userId`.
 */
function sameProperties(properties: MessageProperties): Options.Publish {
  const names = [
    'contentType',
    'contentEncoding',
    'correlationId',
    'replyTo',
    'messageId',
    'timestamp',
    'type',
    'appId',
  ];
  return Object.fromEntries(
    names
      .map((name): [string, unknown] => [name, properties[name as keyof MessageProperties]])
      .filter(([, value]) => value !== undefined),
  );
}
