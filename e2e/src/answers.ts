import { EVENT_EXCHANGE, SUBSCRIPTIONS_PAYMENTS } from '@evergreen/contracts/topology.ts';
import { awaitCondition } from '@evergreen/stack/await-condition.ts';
import type { TestStack } from '@evergreen/stack/testing.ts';
import amqp from 'amqplib';
import { v7 as uuidv7 } from 'uuid';

/** What the wallet said of a charge, as it came. */
export interface Answer {
  type: string;
  body: { id: string; data: { chargeId: string; subscriptionId: string; version: number } };
}

/**
 * Somebody between the wallet and subscriptions who hears every answer, can keep them from arriving, and can say what the
 * wallet really said as often and in whatever order.
 */
export async function openAnswers(stack: TestStack) {
  const connection = await amqp.connect(stack.amqpUrl);
  const channel = await connection.createConfirmChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const keys = SUBSCRIPTIONS_PAYMENTS.events.map(({ type }) => type.replace(/\.v\d+$/, '.*'));
  const heard: Answer[] = [];
  for (const key of keys) await channel.bindQueue(queue, EVENT_EXCHANGE, key);
  await channel.consume(
    queue,
    (message) => {
      if (message) heard.push({ type: message.fields.routingKey, body: JSON.parse(String(message.content)) });
    },
    { noAck: true },
  );
  const about = (subscriptionId: string) => heard.filter(({ body }) => body.data.subscriptionId === subscriptionId);

  return {
    about,
    /** The answers about a subscription once there are `count`. */
    async hear(subscriptionId: string, count: number): Promise<Answer[]> {
      return awaitCondition(async () => (about(subscriptionId).length >= count ? about(subscriptionId) : undefined), {
        timeoutMs: 15_000,
        intervalMs: 5,
        what: `answer ${count} about ${subscriptionId}`,
      });
    },
    /** From now on no answer arrives, except what `say` says. */
    async lose() {
      for (const key of keys) await channel.unbindQueue(SUBSCRIPTIONS_PAYMENTS.name, EVENT_EXCHANGE, key);
    },
    async loseNoMore() {
      for (const key of keys) await channel.bindQueue(SUBSCRIPTIONS_PAYMENTS.name, EVENT_EXCHANGE, key);
    },
    /** Delivers answers in this order; with `anew` each as a message of its own that nobody has seen. */
    async say(answers: readonly Answer[], { anew = false } = {}): Promise<void> {
      for (const { type, body } of answers) {
        const id = anew ? uuidv7() : body.id;
        const options = { messageId: id, type, contentType: 'application/cloudevents+json', persistent: true };
        channel.sendToQueue(SUBSCRIPTIONS_PAYMENTS.name, Buffer.from(JSON.stringify({ ...body, id })), options);
      }
      await channel.waitForConfirms();
    },
    close: () => connection.close(),
  };
}

export type Answers = Awaited<ReturnType<typeof openAnswers>>;
