import type { ChannelModel, ConsumeMessage } from 'amqplib';
import { endOf, rest } from './backoff.ts';

/*
 * Looking at messages without taking them: they are handed out by the broker, and given back by closing the channel they
 * came on. A quorum queue with a delivery limit hands them out again before all that it has not handed out yet, in the order in
 * which they were given back. So who holds as many each time, or more, always sees the same ones in the same order.
 */

const HAND_OUT_TIMEOUT_MS = 3_000;
const CLOSE_TIMEOUT_MS = 2_000;
const BACK_TIMEOUT_MS = 2_000;
const BACK_INTERVAL_MS = 20;

export interface Held {
  /** Oldest first. */
  messages: ConsumeMessage[];
  /** Messages in the queue, these included. */
  count: number;
  /** Takes messages off the queue for good, once the broker has read this. */
  settle(messages: readonly ConsumeMessage[]): void;
}

/**
 * Holds the oldest messages of a queue, `most` of them or as many as there are, while `work` looks at them. Whatever is not settled
 * goes back. Two who hold at the same time see different messages and may change their order, so one at a time.
 * @throws Error when the channel is lost on the way; all that was not settled is then back in the queue
 */
export async function holdMessages<T>(
  connection: ChannelModel,
  { queue, most }: { queue: string; most: number },
  work: (held: Held) => Promise<T>,
): Promise<T> {
  const channel = await connection.createChannel();
  let heldCount = 0;
  const lost = Promise.withResolvers<never>();
  lost.promise.catch(() => {});
  channel.on('error', lost.reject);
  channel.on('close', () => lost.reject(new Error(`the channel that held messages of ${queue} was closed`)));
  const handOut = async (wanted: number): Promise<ConsumeMessage[]> => {
    const messages: ConsumeMessage[] = [];
    if (wanted === 0) return messages;
    const all = Promise.withResolvers<void>();
    await channel.prefetch(wanted);
    const { consumerTag } = await channel.consume(queue, (message) => {
      if (message) messages.push(message);
      if (!message || messages.length === wanted) all.resolve();
    });
    // There are fewer when somebody emptied the queue meanwhile.
    await endOf(Promise.race([all.promise, lost.promise]), HAND_OUT_TIMEOUT_MS);
    await channel.cancel(consumerTag);
    return messages;
  };
  const use = async (): Promise<T> => {
    const { messageCount: count } = await channel.checkQueue(queue);
    const messages = await handOut(Math.min(count, most));
    heldCount = messages.length;
    return work({
      messages,
      count,
      settle: (settled) => {
        // One word for all: the broker loses acknowledgements by the dozen when the channel is closed right after them.
        const last = messages.at(-1);
        heldCount -= settled.length;
        if (last && settled.length === messages.length) channel.ack(last, true);
        else for (const message of settled) channel.ack(message);
      },
    });
  };
  try {
    return await Promise.race([use(), lost.promise]);
  } finally {
    await endOf((async () => channel.close())(), CLOSE_TIMEOUT_MS);
    await endOf(allBack(connection, queue, heldCount), BACK_TIMEOUT_MS);
  }
}

/** The broker takes its own time to put back what was held, and whoever looks next is to see all of it. */
async function allBack(connection: ChannelModel, queue: string, count: number): Promise<void> {
  if (count === 0) return;
  const channel = await connection.createChannel();
  channel.on('error', () => undefined);
  const giveUpAt = performance.now() + BACK_TIMEOUT_MS;
  while ((await channel.checkQueue(queue)).messageCount < count && performance.now() < giveUpAt) {
    await rest(BACK_INTERVAL_MS);
  }
  await channel.close();
}
