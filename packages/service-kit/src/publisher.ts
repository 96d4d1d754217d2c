import type { ConfirmChannel, Message, Options } from 'amqplib';
import { endOf } from './backoff.ts';
import type { Lose } from './connection.ts';

/*
 * One confirm channel, one window at a time: a window is sent whole, then its confirms are awaited.
 *
 *   a message:  waiting for its window -> sent -> confirmed | refused
 *
 * Refused is everything that is not a confirm: returned (nobody is bound; the broker says so before the confirm and
 * confirms all the same), nacked (a queue is full), or unconfirmed (the channel died or time ran out), in which case it may have
 * arrived all the same. Sending again is the caller's part, and the consumer's inbox drops the second copy.
 *
 * A channel may be nacked for ever: on RabbitMQ 3.10 one that first publishes to a quorum queue after its leader has died, and before
 * another is elected, keeps asking the dead node. Nobody can tell that from a queue that is full, so after a while of nothing but
 * nacks for a destination the connection is lost, and the next channel asks anew. Where that one is nacked too, the queue is full: the
 * connection stays, for the sake of all other destinations.
 */

/** Messages sent and not yet confirmed, at most. */
export const MAX_WINDOW_MESSAGES = 500;
const MAX_WINDOW_BYTES = 8 * 1024 * 1024;
const CONFIRM_TIMEOUT_MS = 10_000;
/** Longer than an election takes. */
const NACKED_FOR_MS = 3_000;
/** How long a destination that a fresh channel was opened for is no reason for another one. */
const FULL_FOR_MS = 60_000;

export interface Outgoing {
  exchange: string;
  routingKey: string;
  body: Buffer;
  options: Options.Publish;
}

export type Refusal = 'returned' | 'nacked' | 'unconfirmed' | 'unsendable' | 'broker_blocked' | 'broker_away';

export interface Publisher {
  /** One answer per message, in their order: undefined when the broker has it safely, else why not. Never throws. */
  send(messages: readonly Outgoing[]): Promise<(Refusal | undefined)[]>;
}

interface Sent {
  message: Outgoing;
  returned: boolean;
  settled: boolean;
  refusal: Refusal | undefined;
}

interface Surroundings {
  isBlocked: () => boolean;
  lose: Lose;
  /** When a connection was last lost over the nacks for a destination; it outlives the channel. */
  lostOver: Map<string, number>;
}

/** Publishes on a confirm channel: persistent, mandatory, confirmed, in windows of bounded count and size. */
export function createPublisher(channel: ConfirmChannel, { isBlocked, lose, lostOver }: Surroundings): Publisher {
  let window: Sent[] = [];
  let lastTurn: Promise<unknown> = Promise.resolve();
  /** Since when each destination was answered with nacks alone. */
  const nackedSince = new Map<string, number>();

  // A return names no delivery tag. Copies of one message with one destination share its fate, which is safe: at worst a
  // message that arrived is sent again.
  channel.on('return', (returned) => {
    for (const sent of window) if (isCopyOf(sent.message, returned)) sent.returned = true;
  });
  channel.on('error', lose); // It says why, such as a right that is missing; the close that follows does not.
  channel.on('close', () => lose(new Error('the publishing channel was closed')));

  async function sendWindow(messages: readonly Outgoing[]): Promise<(Refusal | undefined)[]> {
    if (isBlocked()) return messages.map(() => 'broker_blocked');
    window = messages.map((message) => ({ message, returned: false, settled: false, refusal: undefined }));
    const { promise: allSettled, resolve } = Promise.withResolvers<void>();
    let open = window.length;
    const settle = (sent: Sent, refusal: Refusal | undefined) => {
      if (sent.settled) return;
      sent.settled = true;
      sent.refusal = sent.returned ? 'returned' : refusal;
      if (--open === 0) resolve();
    };
    for (const sent of window) sendOne(channel, sent, settle);
    await endOf(allSettled, CONFIRM_TIMEOUT_MS);
    if (open > 0) {
      for (const sent of window) settle(sent, 'unconfirmed');
      // A blocked broker confirms once it has room again; one that is silent for no reason is left.
      if (!isBlocked()) lose(new Error(`no confirm within ${CONFIRM_TIMEOUT_MS} ms`));
    }
    noteNacks();
    return window.map(({ refusal }) => refusal);
  }

  function noteNacks(): void {
    const now = performance.now();
    const destinationOf = ({ message }: Sent) => `${message.exchange} ${message.routingKey}`;
    for (const destination of window.filter(({ refusal }) => refusal === undefined).map(destinationOf)) {
      nackedSince.delete(destination);
      lostOver.delete(destination);
    }
    for (const destination of window.filter(({ refusal }) => refusal === 'nacked').map(destinationOf)) {
      const since = nackedSince.get(destination) ?? now;
      nackedSince.set(destination, since);
      const lostAt = lostOver.get(destination) ?? Number.NEGATIVE_INFINITY;
      if (now - since <= NACKED_FOR_MS || now - lostAt <= FULL_FOR_MS) continue;
      // The next channel asks anew for all of them.
      for (const nacked of nackedSince.keys()) lostOver.set(nacked, now);
      lose(new Error(`the broker has refused all for ${destination} for a while`));
    }
  }

  async function sendInWindows(messages: readonly Outgoing[]): Promise<(Refusal | undefined)[]> {
    const refusals: (Refusal | undefined)[] = [];
    for (const window of windowsOf(messages)) refusals.push(...(await sendWindow(window)));
    return refusals;
  }

  return {
    send(messages) {
      const turn = lastTurn.then(() => sendInWindows(messages));
      lastTurn = turn;
      return turn;
    },
  };
}

function sendOne(
  channel: ConfirmChannel,
  sent: Sent,
  settle: (sent: Sent, refusal: Refusal | undefined) => void,
): void {
  const { exchange, routingKey, body, options } = sent.message;
  try {
    channel.publish(exchange, routingKey, body, { ...options, persistent: true, mandatory: true }, (error) => {
      if (!error) settle(sent, undefined);
      else settle(sent, error.message === 'message nacked' ? 'nacked' : 'unconfirmed');
    });
  } catch (error) {
    // A closed channel throws before it takes the message, and so does a header that does not fit the protocol.
    settle(sent, error instanceof RangeError || error instanceof TypeError ? 'unsendable' : 'unconfirmed');
  }
}

function* windowsOf(messages: readonly Outgoing[]): Generator<Outgoing[]> {
  let window: Outgoing[] = [];
  let bytes = 0;
  for (const message of messages) {
    const isFull = window.length === MAX_WINDOW_MESSAGES || bytes + message.body.byteLength > MAX_WINDOW_BYTES;
    if (isFull && window.length > 0) {
      yield window;
      window = [];
      bytes = 0;
    }
    window.push(message);
    bytes += message.body.byteLength;
  }
  if (window.length > 0) yield window;
}

const isCopyOf = ({ exchange, routingKey, options }: Outgoing, { fields, properties }: Message): boolean =>
  fields.exchange === exchange && fields.routingKey === routingKey && properties.messageId === options.messageId;
