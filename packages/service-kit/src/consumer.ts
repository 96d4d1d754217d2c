import type { Envelope } from '@evergreen/contracts/envelope.ts';
import type { QueueDefinition } from '@evergreen/contracts/topology.ts';
import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import type { Logger } from 'pino';
import { Counter, Histogram, type Registry } from 'prom-client';
import { endOf, rest } from './backoff.ts';
import { Abandoned, type EventHandler, type Handle, type Outcome, settleBatch } from './batch.ts';
import type { Lose, Session } from './connection.ts';
import { messageOf } from './error-message.ts';
import type { Publisher } from './publisher.ts';

/*
 * The consumer of one durable queue, over as many channels as it takes. Each channel is a line of its own:
 *
 *   a line:      idle -> collecting -> handling -> handling ... -> idle      and from each of them: gone
 *   a delivery:  in the line's buffer -> in the batch -> settled -> acknowledged with its batch
 *
 * One batch at a time, across lines: when a line is gone, its batch in hand runs to its end without being acknowledged, and the
 * next line waits for that. The broker delivers those messages again, and the inbox drops what was done. An
 * acknowledgement is only ever sent on the channel that brought the message.
 */

/** Unacknowledged messages the broker hands out, so the next batch is here when this one is done. */
const PREFETCH = 400;
const MAX_BATCH = 200;
const COLLECT_MS = 5;
const STOP_TIMEOUT_MS = 10_000;
const GOODBYE_TIMEOUT_MS = 1_000;

export interface Consumer {
  /** Starts consuming on a new connection; more than once on the same one changes nothing. */
  attach(session: Session): Promise<void>;
  activity(): { inFlight: number; handled: number };
  /** Takes no more messages, finishes the batch in hand within 10 s, and leaves the rest to the broker. */
  stop(): Promise<void>;
}

export interface ConsumerMetrics {
  batchSize: Histogram<'queue'>;
  batchSeconds: Histogram<'queue'>;
  messages: Counter<'queue' | 'outcome'>;
  lagSeconds: Histogram<'queue'>;
}

export function consumerMetrics(registry: Registry): ConsumerMetrics {
  const registers = [registry];
  return {
    batchSize: new Histogram({
      name: 'evergreen_consumer_batch_messages',
      help: 'Messages handled as one batch',
      labelNames: ['queue'],
      buckets: [1, 2, 5, 10, 20, 50, 100, MAX_BATCH],
      registers,
    }),
    batchSeconds: new Histogram({
      name: 'evergreen_consumer_batch_seconds',
      help: 'Time from taking a batch to acknowledging it',
      labelNames: ['queue'],
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 30],
      registers,
    }),
    messages: new Counter({
      name: 'evergreen_consumer_messages_total',
      help: 'Messages settled, by outcome',
      labelNames: ['queue', 'outcome'],
      registers,
    }),
    lagSeconds: new Histogram({
      name: 'evergreen_consumer_lag_seconds',
      help: 'Time from making an event to having settled it, in the outbox, the queue and the handler',
      labelNames: ['queue'],
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3_600],
      registers,
    }),
  };
}

interface Options {
  queue: QueueDefinition;
  handlers: readonly EventHandler[];
  send: Publisher['send'];
  logger: Logger;
  metrics: ConsumerMetrics;
}

interface Line {
  channel: Channel;
  buffer: ConsumeMessage[];
  consumerTag: string | undefined;
  isPumping: boolean;
  /** Aborts when there is enough for a full batch. */
  full: AbortController;
  gone: AbortController;
}

/** @throws Error when an event of the queue has no handler, or a handler no event: at start, not when it happens */
export function createConsumer({ queue, handlers, send, logger: parent, metrics }: Options): Consumer {
  const byType = handlersByType(queue, handlers);
  const logger = parent.child({ queue: queue.name });
  const stopping = new AbortController();
  let attachedTo: ChannelModel | undefined;
  let line: Line | undefined;
  let lastBatch: Promise<void> = Promise.resolve();
  let inHand = 0;
  let handled = 0;

  async function attach({ connection, lose }: Session): Promise<void> {
    if (attachedTo === connection || stopping.signal.aborted) return;
    attachedTo = connection;
    const opened = openLine(await connection.createChannel());
    const { channel, gone } = opened;
    channel.on('error', (err) => logger.warn({ err }, 'channel failed'));
    channel.on('close', () => {
      gone.abort();
      opened.buffer = [];
      if (!stopping.signal.aborted) lose(new Error(`the channel of ${queue.name} was closed`));
    });
    await channel.prefetch(PREFETCH);
    line = opened;
    const { consumerTag } = await channel.consume(queue.name, (message) => {
      if (message) receive(opened, message, lose);
      else lose(new Error(`the broker ended the consumer of ${queue.name}`));
    });
    opened.consumerTag = consumerTag;
  }

  function receive(at: Line, message: ConsumeMessage, lose: Lose): void {
    at.buffer.push(message);
    if (at.buffer.length >= MAX_BATCH) at.full.abort();
    if (at.isPumping) return;
    at.isPumping = true;
    lastBatch = lastBatch.then(() => pump(at, lose));
  }

  async function pump(at: Line, lose: Lose): Promise<void> {
    await rest(COLLECT_MS, AbortSignal.any([at.full.signal, stopping.signal]));
    // What arrived while a batch was handled has waited long enough, so the next one starts at once.
    while (at.buffer.length > 0 && !stopping.signal.aborted) {
      await handleBatch(at, at.buffer.splice(0, MAX_BATCH), lose);
    }
    at.full = new AbortController();
    at.isPumping = false;
  }

  async function handleBatch(at: Line, batch: ConsumeMessage[], lose: Lose): Promise<void> {
    const signal = AbortSignal.any([at.gone.signal, stopping.signal]);
    const endTimer = metrics.batchSeconds.startTimer({ queue: queue.name });
    inHand = batch.length;
    try {
      const outcomes = await settleBatch(batch, { queue: queue.name, handlers: byType, send, logger, signal });
      if (at.gone.signal.aborted) return;
      at.channel.ack(batch.at(-1) as ConsumeMessage, true);
      count(outcomes, batch);
      endTimer();
    } catch (error) {
      if (error instanceof Abandoned) return;
      logger.error({ err: error }, 'batch could not be settled, taking it again');
      lose(new Error(messageOf(error)));
    } finally {
      inHand = 0;
    }
  }

  function count(outcomes: Record<Outcome, number>, batch: ConsumeMessage[]): void {
    handled += batch.length;
    metrics.batchSize.observe({ queue: queue.name }, batch.length);
    for (const { properties } of batch) {
      const lagSeconds = secondsSince(properties.messageId);
      if (lagSeconds !== undefined) metrics.lagSeconds.observe({ queue: queue.name }, lagSeconds);
    }
    for (const outcome of Object.keys(outcomes) as Outcome[]) {
      if (outcomes[outcome] > 0) metrics.messages.inc({ queue: queue.name, outcome }, outcomes[outcome]);
    }
  }

  async function stop(): Promise<void> {
    stopping.abort();
    const { channel, consumerTag, gone } = line ?? {};
    const isThere = () => channel !== undefined && !gone?.signal.aborted;
    if (channel && consumerTag !== undefined && isThere()) {
      await endOf((async () => channel.cancel(consumerTag))(), GOODBYE_TIMEOUT_MS);
    }
    await endOf(lastBatch, STOP_TIMEOUT_MS);
    // The broker forgets acknowledgements that come right before the end of a connection, but not of a channel.
    if (channel && isThere()) await endOf((async () => channel.close())(), GOODBYE_TIMEOUT_MS);
  }

  return { attach, stop, activity: () => ({ inFlight: (line?.buffer.length ?? 0) + inHand, handled }) };
}

/** A message has the id of its event, a UUIDv7, which begins with when it was made (RFC 9562, section 5.7). */
function secondsSince(messageId: unknown): number | undefined {
  const [, high, low] = /^([0-9a-f]{8})-([0-9a-f]{4})-7/i.exec(String(messageId)) ?? [];
  if (!high || !low) return undefined;
  // Clocks of two machines may differ by a little.
  return Math.max(0, Date.now() - Number.parseInt(high + low, 16)) / 1_000;
}

const openLine = (channel: Channel): Line => ({
  channel,
  buffer: [],
  consumerTag: undefined,
  isPumping: false,
  full: new AbortController(),
  gone: new AbortController(),
});

function handlersByType(queue: QueueDefinition, handlers: readonly EventHandler[]): Map<string, Handle<Envelope>> {
  const byType = new Map<string, Handle<Envelope>>();
  for (const { definition, handle } of handlers) {
    if (!queue.events.includes(definition)) throw new Error(`${queue.name} does not take ${definition.type}`);
    if (byType.has(definition.type)) throw new Error(`${queue.name} has two handlers for ${definition.type}`);
    byType.set(definition.type, handle as Handle<Envelope>);
  }
  for (const { type } of queue.events) {
    if (!byType.has(type)) throw new Error(`${queue.name} has no handler for ${type}`);
  }
  return byType;
}
