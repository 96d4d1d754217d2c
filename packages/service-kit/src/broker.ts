import type { QueueDefinition } from '@evergreen/contracts/topology.ts';
import { EVENT_EXCHANGE } from '@evergreen/contracts/topology.ts';
import type { Channel, ChannelModel } from 'amqplib';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { within } from './backoff.ts';
import type { EventHandler } from './batch.ts';
import { keepConnected } from './connection.ts';
import { type Consumer, consumerMetrics, createConsumer } from './consumer.ts';
import { type Held, holdMessages } from './hold-messages.ts';
import { createListener, type Listener, type TransientSubscription } from './listener.ts';
import { createPublisher, type Outgoing, type Publisher, type Refusal } from './publisher.ts';
import { observeQueues } from './queue-metrics.ts';
import { checkTopology, queueNames, withChannel } from './topology.ts';

/*
 * The broker as a service sees it: one connection that publishes and one that consumes, each kept by connection.ts.
 * They are two, because a broker that is short of memory stops reading from whoever publishes; on a shared connection it
 * would not see acknowledgements either, and the queues could never drain.
 */

const FIRST_CONNECT_MS = 60_000;
const ASK_TIMEOUT_MS = 5_000;
const ASKING_CHANNELS = 4;

/** An event as the outbox keeps it; `body` is the whole envelope as JSON. */
export interface EventRow {
  messageId: string;
  type: string;
  body: string;
}

export interface Broker {
  /**
   * Publishes events: persistent, mandatory, confirmed. Never throws; who is not in `refused` is safe with the broker.
   * A refused one may have arrived all the same, so say it again under the same id.
   */
  publish(events: readonly EventRow[]): Promise<{ refused: Map<string, Refusal> }>;
  /** Handles the events of a durable queue, from now until close. Throws when an event of the queue has no handler. */
  consume(queue: QueueDefinition, handlers: readonly EventHandler[]): Promise<void>;
  subscribeTransient(subscription: TransientSubscription): Promise<void>;
  /**
   * Messages ready in queues, all durable ones unless named; those with a consumer but not settled are not among them. Throws
   * while the broker is away. A busy broker may briefly say 0, so ask twice before believing that nothing is left.
   */
  queueDepths(names?: readonly string[]): Promise<{ name: string; ready: number }[]>;
  /** Publishes messages as they are, one answer each; for whoever moves messages between queues. Never throws. */
  send: Publisher['send'];
  /**
   * Holds the oldest messages of a queue while `work` looks at them, as hold-messages.ts tells.
   * @throws Error while the broker is away
   */
  hold<T>(of: { queue: string; most: number }, work: (held: Held) => Promise<T>): Promise<T>;
  /** Messages delivered here and not settled, and messages settled since start. */
  activity(): { inFlight: number; handled: number };
  /** Connected, with everything there and consumed. */
  isReady(): boolean;
  /** Publishing has a chance: connected, and the broker takes messages. */
  canPublish(): boolean;
  /** Stops consuming, finishes the batches in hand within 10 s, and disconnects. */
  close(): Promise<void>;
}

export interface BrokerOptions {
  /** amqp:// or amqps://, with credentials and virtual host; of one node, or of several of a cluster, separated by commas. */
  url: string;
  service: string;
  logger: Logger;
  metrics: Registry;
  /** How long the broker may take to be there at start; after that, a lost one is waited for without end. */
  firstConnectMs?: number;
}

/**
 * Connects to RabbitMQ, once the topology is there; a service has no right to declare it.
 * @throws Error that says where it tried and why it failed, when there is no broker that is set up within
 *   `firstConnectMs` (60 s)
 */
export async function connectBroker(options: BrokerOptions): Promise<Broker> {
  const { url, service, logger, metrics, firstConnectMs = FIRST_CONNECT_MS } = options;
  const ofConsumers = consumerMetrics(metrics);
  const consumers: Consumer[] = [];
  const consumed: string[] = [];
  const listeners: Listener[] = [];
  const lostOver = new Map<string, number>();
  let publisher: Publisher | undefined;

  const publishing = await keepConnected({
    url,
    name: `${service} publisher`,
    logger,
    firstConnectMs,
    async prepare({ connection, lose }) {
      await withChannel(connection, checkTopology);
      const channel = await connection.createConfirmChannel();
      publisher = createPublisher(channel, { isBlocked: () => publishing.isBlocked(), lose, lostOver });
    },
  });
  const consuming = await keepConnected({
    url,
    name: `${service} consumer`,
    logger,
    firstConnectMs,
    async prepare(session) {
      await withChannel(session.connection, checkTopology);
      // Those that are added meanwhile are reached too, as the iteration sees them.
      for (const consumer of consumers) await consumer.attach(session);
      for (const listener of listeners) await listener.attach(session);
    },
  }).catch(async (error) => {
    await publishing.close();
    throw error;
  });

  async function send(messages: readonly Outgoing[]): Promise<(Refusal | undefined)[]> {
    if (!publisher || !publishing.isOpen()) return messages.map(() => 'broker_away');
    return publisher.send(messages);
  }

  /** A failure here ends the connection, and the next one attaches again. */
  async function attachNow(one: Consumer | Listener): Promise<void> {
    const session = consuming.current();
    if (session) await one.attach(session).catch(session.lose);
  }

  async function queueDepths(names: readonly string[] = queueNames()) {
    // Not on the connection that publishes, which a broker short of memory does not even read.
    const session = consuming.current();
    if (!session || !consuming.isOpen()) throw new Error('the broker is away');
    return within(ASK_TIMEOUT_MS, readDepths(session.connection, names));
  }

  observeQueues({ queues: () => consumed, readDepths: queueDepths, logger, metrics });
  return {
    async publish(events) {
      const refusals = await send(events.map(toOutgoing));
      const refused = new Map<string, Refusal>();
      for (const [index, { messageId }] of events.entries()) {
        const refusal = refusals[index];
        if (refusal !== undefined) refused.set(messageId, refusal);
      }
      return { refused };
    },
    async consume(queue, handlers) {
      const consumer = createConsumer({ queue, handlers, send, logger, metrics: ofConsumers });
      consumers.push(consumer);
      consumed.push(queue.name);
      await attachNow(consumer);
    },
    async subscribeTransient(subscription) {
      const listener = createListener(subscription, logger);
      listeners.push(listener);
      await attachNow(listener);
    },
    queueDepths,
    send,
    async hold(of, work) {
      const session = consuming.current();
      if (!session || !consuming.isOpen()) throw new Error('the broker is away');
      return holdMessages(session.connection, of, work);
    },
    activity() {
      const all = consumers.map((consumer) => consumer.activity());
      return {
        inFlight: all.reduce((sum, { inFlight }) => sum + inFlight, 0),
        handled: all.reduce((sum, { handled }) => sum + handled, 0),
      };
    },
    isReady: () => publishing.isOpen() && consuming.isOpen(),
    canPublish: () => publishing.isOpen() && !publishing.isBlocked(),
    async close() {
      await Promise.all(consumers.map((consumer) => consumer.stop()));
      await Promise.all([consuming.close(), publishing.close()]);
    },
  };
}

async function readDepths(connection: ChannelModel, names: readonly string[]) {
  const depths: { name: string; ready: number }[] = [];
  const left = [...names];
  // A channel asks one question at a time, and the clock asks for all queues at every step.
  const ask = async (channel: Channel): Promise<void> => {
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      depths.push({ name, ready: (await channel.checkQueue(name)).messageCount });
    }
  };
  await Promise.all(Array.from({ length: ASKING_CHANNELS }, () => withChannel(connection, ask)));
  return depths;
}

const toOutgoing = ({ messageId, type, body }: EventRow): Outgoing => ({
  exchange: EVENT_EXCHANGE,
  routingKey: type,
  body: Buffer.from(body),
  options: { messageId, type, contentType: 'application/cloudevents+json' },
});
