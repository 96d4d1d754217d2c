import type { EventDefinition } from '@evergreen/contracts/envelope.ts';
import { RefundDue } from '@evergreen/contracts/events/subscriptions.ts';
import { ChargeSucceeded } from '@evergreen/contracts/events/wallet.ts';
import {
  bindingKeys,
  EVENT_EXCHANGE,
  type QueueDefinition,
  SUBSCRIPTIONS_PAYMENTS,
  WALLET_CHARGES,
} from '@evergreen/contracts/topology.ts';
import { connectToAny } from '@evergreen/service-kit/broker-nodes.ts';
import { awaitCondition } from '@evergreen/stack/await-condition.ts';
import type { TestStack } from '@evergreen/stack/testing.ts';
import { expect } from '@jest/globals';
import { openBooks } from './books.ts';
import { adjust } from './crowd.ts';
import { awaitStatus, cancelNow, type Person, subscribe } from './people.ts';
import { column } from './pools.ts';

const BIN = 'test.lost';

/** Charges that were paid, whatever was given back of them. */
export const PAID = `SELECT id FROM charge WHERE status IN ('paid', 'refunded')`;

interface Loss {
  /** Resolves when the broker has confirmed `count` of them. */
  taken(count: number): Promise<void>;
}

/**
 * Takes events that the broker confirms from now on before their queue gets them: what becomes of those that a broker had
 * confirmed and not yet delivered when it was lost with its disk.
 */
async function loseEvents(
  stack: TestStack,
  ways: readonly { queue: QueueDefinition; event: EventDefinition }[],
): Promise<Loss> {
  const connection = await connectToAny(stack.amqpUrl);
  const channel = await connection.createChannel();
  await channel.assertQueue(BIN, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  for (const { queue, event } of ways) {
    for (const key of bindingKeys([event])) {
      await channel.bindQueue(BIN, EVENT_EXCHANGE, key);
      await channel.unbindQueue(queue.name, EVENT_EXCHANGE, key);
    }
  }
  return {
    async taken(count) {
      await awaitCondition(async () => (await channel.checkQueue(BIN)).messageCount >= count || undefined, {
        what: `${count} events to be lost`,
        timeoutMs: 30_000,
        intervalMs: 50,
      });
      await connection.close();
    },
  };
}

/** The subscriptions of both. */
interface UnderWay {
  left: string;
  paid: string;
}

/**
 * Leaves two things under way between services for ever: one person has left and waits for money back, and another has paid what was
 * waited for. Both events are confirmed, so that no outbox has them, and heard by nobody who acts on them.
 * @param price minor units of USD, of the plan
 */
export async function leaveUnderWay(
  stack: TestStack,
  {
    operator,
    leaver,
    payer,
    planId,
    price,
  }: Record<'operator' | 'leaver' | 'payer', Person> & {
    planId: string;
    price: number;
  },
): Promise<UnderWay> {
  await adjust(operator, leaver, price);
  const { body: left } = await subscribe(leaver, planId);
  await awaitStatus(leaver, left.id, 'active');
  const { body: paid } = await subscribe(payer, planId);
  await awaitCondition(
    async () => (await payer.call(`/subscriptions/${paid.id}`)).body.waitingFor?.shortfall > 0 || undefined,
    { what: 'a charge to wait for funds', timeoutMs: 10_000, intervalMs: 20 },
  );
  const loss = await loseEvents(stack, [
    { queue: WALLET_CHARGES, event: RefundDue },
    { queue: SUBSCRIPTIONS_PAYMENTS, event: ChargeSucceeded },
  ]);
  expect(await cancelNow(leaver, left.id)).toMatchObject({ status: 200 });
  expect(await adjust(operator, payer, price)).toMatchObject({ status: 201 });
  await loss.taken(2);
  return { left: left.id, paid: paid.id };
}

/** Whether the one has its money back, and the other what it paid for. */
export async function whatBecameOf({ left, paid }: UnderWay, stack: TestStack) {
  const books = openBooks(stack);
  const [status] = await column(books.subscriptions, 'SELECT status FROM subscription WHERE id = $1', [paid]);
  const refunds = `SELECT r.id FROM refund r JOIN charge c ON c.id = r.charge_id WHERE c.subscription_id = $1`;
  const was = {
    refunds: (await column(books.wallet, refunds, [left])).length,
    status,
    paid: (await column(books.wallet, `${PAID} AND subscription_id = $1`, [paid])).length,
  };
  await books.close();
  return was;
}
