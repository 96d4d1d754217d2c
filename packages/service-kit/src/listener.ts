import { randomUUID } from 'node:crypto';
import type { Envelope } from '@evergreen/contracts/envelope.ts';
import { bindingKeys, EVENT_EXCHANGE } from '@evergreen/contracts/topology.ts';
import type { ChannelModel, ConsumeMessage } from 'amqplib';
import type { Logger } from 'pino';
import type { EventHandler, Handle } from './batch.ts';
import type { Session } from './connection.ts';
import { isFirstHand } from './dead-letter.ts';
import { readEvent } from './events.ts';

/** Messages the broker keeps for a listener that is slow; then the oldest go, as they are of least use. */
const MAX_LENGTH = 10_000;

export interface TransientSubscription {
  /** Beginning of the queue's name, as in TRANSIENT_QUEUES; each queue gets its own ending. */
  name: string;
  /** Who hears what, one event at a time. A handler that throws is logged, and the event is gone. */
  handlers: readonly EventHandler[];
  /** Called when listening begins again after a gap, in which events may have been missed. */
  onReconnect: () => void;
}

export interface Listener {
  attach(session: Session): Promise<void>;
}

/**
 * Hears events while it is there, and misses the others: a queue of its own that goes with the connection. For what
 * is of use only now, such as telling open sockets.
 */
export function createListener({ name, handlers, onReconnect }: TransientSubscription, logger: Logger): Listener {
  const byType = new Map(handlers.map(({ definition, handle }) => [definition.type, handle as Handle<Envelope>]));
  let attachedTo: ChannelModel | undefined;

  async function hear(queue: string, { content, fields, properties }: ConsumeMessage): Promise<void> {
    const read = readEvent(content);
    if (!read.ok) {
      logger.warn({ queue, reason: read.reason, detail: read.detail }, 'event not understood');
      return;
    }
    if (fields.exchange !== EVENT_EXCHANGE || fields.routingKey !== read.event.type || !isFirstHand(properties)) {
      logger.warn({ queue, type: read.event.type, routingKey: fields.routingKey }, 'event published as another');
      return;
    }
    await byType.get(read.definition.type)?.([read.event], { queue, logger });
  }

  return {
    async attach({ connection, lose }) {
      if (attachedTo === connection) return;
      const isReconnect = attachedTo !== undefined;
      attachedTo = connection;
      const channel = await connection.createChannel();
      channel.on('error', (err) => logger.warn({ err }, 'channel failed'));
      channel.on('close', () => lose(new Error(`the channel of ${name} was closed`)));
      const { queue } = await channel.assertQueue(`${name}.${randomUUID()}`, {
        exclusive: true,
        autoDelete: true,
        durable: false,
        maxLength: MAX_LENGTH,
      });
      for (const key of bindingKeys(handlers.map(({ definition }) => definition))) {
        await channel.bindQueue(queue, EVENT_EXCHANGE, key);
      }
      const take = (message: ConsumeMessage) =>
        hear(queue, message).catch((err: unknown) => logger.error({ err, queue }, 'event not passed on'));
      await channel.consume(
        queue,
        (message) => {
          if (message) void take(message);
          else lose(new Error(`the broker ended the consumer of ${queue}`));
        },
        { noAck: true, exclusive: true },
      );
      if (isReconnect) onReconnect();
    },
  };
}
