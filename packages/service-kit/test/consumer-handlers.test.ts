import { UserRegistered } from '@evergreen/contracts/events/auth.ts';
import { PaymentDeclined, PaymentRefunded, PaymentSucceeded } from '@evergreen/contracts/events/gateway.ts';
import { WALLET_PAYMENTS } from '@evergreen/contracts/topology.ts';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { on } from '../src/batch.ts';
import { newEvent } from '../src/events.ts';
import { outboxRows } from '../src/outbox.ts';
import { createTestBroker, paid, type TestBroker, until } from './rig.ts';

let rabbit: TestBroker;

beforeEach(async () => {
  rabbit = await createTestBroker();
});

afterEach(() => rabbit.drop());

function declined() {
  return newEvent(PaymentDeclined, {
    subject: 's',
    time: '2026-11-23T08:00:00.000Z',
    correlationId: 'c',
    data: { ...paid().data, declineCode: 'card_declined' },
  });
}

test('definitions with one handler share its calls, and others keep the order of delivery', async () => {
  const events = [paid(), declined(), declined(), paid()];
  const ids = events.map(({ id }) => id);
  const calls: string[][] = [];
  const note = async (batch: { id: string }[]) => void calls.push(batch.map(({ id }) => id));
  const speaker = await rabbit.open('speaker');
  const publish = async () => expect((await speaker.broker.publish(outboxRows(events))).refused.size).toBe(0);

  await publish();
  const shared = await rabbit.open('shared');
  await shared.broker.consume(WALLET_PAYMENTS, [
    on(PaymentSucceeded, note),
    on(PaymentDeclined, note),
    on(PaymentRefunded, note),
  ]);
  await until('the first round', () => shared.broker.activity().handled === 4);
  expect(calls).toEqual([ids]);
  await shared.broker.close();

  calls.length = 0;
  await publish();
  const apart = await rabbit.open('apart');
  await apart.broker.consume(WALLET_PAYMENTS, [
    on(PaymentSucceeded, note),
    on(PaymentDeclined, (batch) => note(batch)),
    on(PaymentRefunded, note),
  ]);
  await until('the second round', () => apart.broker.activity().handled === 4);
  expect(calls).toEqual([[ids[0]], [ids[1], ids[2]], [ids[3]]]);
});

test.each([
  ['an event without a handler', [on(PaymentSucceeded, async () => {})], 'wallet.payments has no handler for'],
  [
    'a handler for an event of another queue',
    [on(PaymentSucceeded, async () => {}), on(PaymentDeclined, async () => {}), on(UserRegistered, async () => {})],
    'wallet.payments does not take evergreen.auth.UserRegistered.v1',
  ],
  [
    'two handlers for one event',
    [on(PaymentSucceeded, async () => {}), on(PaymentSucceeded, async () => {})],
    'wallet.payments has two handlers for',
  ],
])('%s stops the service at start', async (_what, handlers, message) => {
  const { broker } = await rabbit.open();
  await expect(broker.consume(WALLET_PAYMENTS, handlers)).rejects.toThrow(message);
});
