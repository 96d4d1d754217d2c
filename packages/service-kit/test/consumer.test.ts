import { UserRegistered, UserUpdated } from '@evergreen/contracts/events/auth.ts';
import {
  EVENT_EXCHANGE,
  MAX_MESSAGE_BYTES,
  NOTIFIER_ACCOUNTS,
  RETRY_DELAYS_MS,
} from '@evergreen/contracts/topology.ts';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { connect } from 'amqplib';
import { type Handle, on } from '../src/batch.ts';
import { outboxRows } from '../src/outbox.ts';
import { createTestBroker, paid, registered, registeredMany, type TestBroker, until, wire } from './rig.ts';

const QUEUE = NOTIFIER_ACCOUNTS.name;
const DEAD = `${QUEUE}.dead`;

let rabbit: TestBroker;

beforeEach(async () => {
  rabbit = await createTestBroker();
});

afterEach(() => rabbit.drop());

type Registered = ReturnType<typeof registered>;

/** A consumer of notifier.accounts that handles with `handle` and remembers each call. */
async function consumeAccounts(handle: Handle<Registered> = async () => {}) {
  const opened = await rabbit.open();
  const calls: string[][] = [];
  const start = () =>
    opened.broker.consume(NOTIFIER_ACCOUNTS, [
      on(UserRegistered, async (events, context) => {
        calls.push(events.map(({ id }) => id));
        await handle(events, context);
      }),
      on(UserUpdated, async () => {}),
    ]);
  return { ...opened, calls, start, settled: () => opened.broker.activity().handled };
}

async function publishAll(events: Registered[]): Promise<void> {
  const { broker } = await rabbit.open('speaker');
  expect((await broker.publish(outboxRows(events))).refused.size).toBe(0);
}

const UNREADABLE: Record<string, { body: string; reason: string; detail: string }> = {
  malformed: { body: '{"half":', reason: 'malformed', detail: 'not JSON' },
  oversized: { body: 'x'.repeat(MAX_MESSAGE_BYTES + 1), reason: 'oversized', detail: `${MAX_MESSAGE_BYTES + 1} bytes` },
  stranger: {
    body: wire({ ...registered(), type: 'evergreen.auth.Nothing.v1' }),
    reason: 'unknown_type',
    detail: 'Nothing.v1',
  },
  misrouted: { body: wire(paid()), reason: 'unknown_type', detail: 'which notifier.accounts does not take' },
  newer: {
    body: wire({ ...registered(), type: 'evergreen.auth.UserRegistered.v2' }),
    reason: 'unknown_version',
    detail: 'UserRegistered.v2',
  },
  invalid: { body: wire({ ...registered(), data: {} }), reason: 'invalid', detail: 'event.data.userId is required' },
};

test('what cannot be read is dead-lettered as it came, with the reason, and its neighbours are handled', async () => {
  const { start, calls, settled } = await consumeAccounts();
  const neighbours: Registered[] = [];
  for (const [name, { body }] of Object.entries(UNREADABLE)) {
    const neighbour = registered();
    neighbours.push(neighbour);
    await rabbit.sendRaw(wire(neighbour));
    const headers = { tenant: 'x', CC: ['elsewhere'] };
    await rabbit.sendRaw(body, {
      messageId: name,
      contentType: 'text/plain',
      correlationId: 'c',
      expiration: 60_000,
      headers,
    });
  }
  const sent = 2 * neighbours.length;
  await start();
  await until('all to be settled', () => settled() === sent);
  expect(calls.flat()).toEqual(neighbours.map(({ id }) => id));
  for (const { content, properties } of await rabbit.drain(DEAD, neighbours.length)) {
    const expected = UNREADABLE[properties.messageId];
    expect(content.toString()).toBe(expected?.body);
    expect(properties).toMatchObject({ contentType: 'text/plain', correlationId: 'c', expiration: undefined });
    // The broker adds the count of deliveries of a quorum queue by itself.
    expect({ ...properties.headers, 'x-delivery-count': 0 }).toEqual({
      'x-delivery-count': 0,
      tenant: 'x',
      'x-dead-reason': expected?.reason,
      'x-dead-detail': expect.stringContaining(expected?.detail ?? 'one of ours'),
      'x-dead-at': expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      'x-original-routing-key': UserRegistered.type,
    });
  }
  expect(await rabbit.depth(DEAD)).toBe(0);
});

test('an unknown version arrives through the exchange, as every version is bound', async () => {
  const { start, settled } = await consumeAccounts();
  const type = 'evergreen.auth.UserRegistered.v7';
  await rabbit.sendRaw(wire({ ...registered(), type }), { type });
  await start();
  await until('it to be settled', () => settled() === 1);
  expect((await rabbit.take(DEAD)).properties.headers).toMatchObject({ 'x-original-routing-key': type });
});

test('headers too large to send on do not keep a message from the dead-letter queue', async () => {
  const { start, settled } = await consumeAccounts();
  await rabbit.sendRaw('junk', { headers: { story: 'long '.repeat(11_000), short: 'kept' } });
  await start();
  await until('it to be settled', () => settled() === 1);
  const dead = await rabbit.take(DEAD);
  expect(dead.properties.headers).toMatchObject({ short: 'kept', 'x-dead-reason': 'malformed' });
  expect(dead.properties.headers).not.toHaveProperty('story');
});

test('one poison event in a batch does not hold up its neighbours', async () => {
  const events = registeredMany(20);
  const poison = events[7]?.id;
  const done: string[] = [];
  const { start, calls, settled } = await consumeAccounts(async (batch) => {
    if (batch.some(({ id }) => id === poison)) throw new Error('I cannot stomach this one');
    done.push(...batch.map(({ id }) => id));
  });
  await publishAll(events);
  await start();
  await until('all to be settled', () => settled() === 20);
  expect(done).toEqual(events.map(({ id }) => id).filter((id) => id !== poison));
  // First together, then one by one.
  expect(calls[0]?.length).toBeGreaterThan(1);
  expect(calls).toContainEqual([poison]);
  expect(await rabbit.depth(`${QUEUE}.retry.1`)).toBe(1);
  expect(await rabbit.depth(DEAD)).toBe(0);
});

test('a failed event rests about a second, comes back with its attempts counted, and then works', async () => {
  const event = registered();
  const triedAt: number[] = [];
  const { start, settled, metrics } = await consumeAccounts(async () => {
    triedAt.push(performance.now());
    if (triedAt.length === 1) throw new Error('not yet');
  });
  await publishAll([event]);
  await start();
  await until('the second try', () => settled() === 2);
  const [first = 0, second = 0] = triedAt;
  expect(second - first).toBeGreaterThan(RETRY_DELAYS_MS[0] * 0.8 - 50);
  expect(second - first).toBeLessThan(RETRY_DELAYS_MS[0] * 1.2 + 1_000);
  const counted = await metrics.getSingleMetricAsString('evergreen_consumer_messages_total');
  expect(counted).toContain(`evergreen_consumer_messages_total{queue="${QUEUE}",outcome="retried"} 1`);
  expect(counted).toContain(`evergreen_consumer_messages_total{queue="${QUEUE}",outcome="handled"} 1`);
});

test('each failed attempt means a longer rest, and after the last one a message is dead with the error', async () => {
  const { start, settled } = await consumeAccounts(async () => {
    throw new Error('still not');
  });
  const events = [0, 1, 2, 3].map((attempts) => ({ attempts, event: registered() }));
  for (const { attempts, event } of events) {
    await rabbit.sendRaw(wire(event), { queue: QUEUE, messageId: event.id, headers: { 'x-attempt': attempts } });
  }
  await start();
  await until('all to be settled', () => settled() === 4);
  const [first, second, third, last] = events.map(({ event }) => event);
  for (const [index, event] of [first, second, third].entries()) {
    const resting = await rabbit.take(`${QUEUE}.retry.${index + 1}`, 700);
    expect(JSON.parse(resting.content.toString())).toEqual(event);
    expect(resting.properties.messageId).toBe(event?.id);
    expect(resting.properties.headers).toMatchObject({ 'x-attempt': index + 1, 'x-last-error': 'still not' });
    const delayMs = RETRY_DELAYS_MS[index] ?? 0;
    expect(Number(resting.properties.expiration)).toBeGreaterThanOrEqual(delayMs * 0.8);
    expect(Number(resting.properties.expiration)).toBeLessThanOrEqual(delayMs * 1.2);
  }
  const dead = await rabbit.take(DEAD);
  expect(JSON.parse(dead.content.toString())).toEqual(last);
  expect(dead.properties.headers).toMatchObject({
    'x-dead-reason': 'attempts_exhausted',
    'x-dead-detail': 'still not',
  });
});

test('an attempt count from outside that makes no sense breaks nothing', async () => {
  const { start, settled } = await consumeAccounts(async () => {
    throw new Error('no');
  });
  for (const attempts of [-1, 1.5, 'many', true, 99]) {
    await rabbit.sendRaw(wire(registered()), { queue: QUEUE, headers: { 'x-attempt': attempts } });
  }
  await start();
  await until('all to be settled', () => settled() === 5);
  expect([await rabbit.depth(`${QUEUE}.retry.1`), await rabbit.depth(DEAD)]).toEqual([4, 1]);
});

test('a dead letter that is redriven starts over, also after the broker itself had moved it', async () => {
  let isMended = false;
  const { start, settled } = await consumeAccounts(async () => {
    if (!isMended) throw new Error('no');
  });
  const event = registered();
  // As the broker leaves it after too many deliveries: with a history that, if kept, would count as going in circles.
  const death = { count: 1, reason: 'delivery_limit', queue: QUEUE, exchange: '', 'routing-keys': [QUEUE] };
  await rabbit.sendRaw(wire(event), { queue: QUEUE, headers: { 'x-death': [death] } });
  await start();
  await until('the first try', () => settled() === 1);
  isMended = true;
  await until('it to come back and work', () => settled() === 2);
  expect(await rabbit.depth(DEAD)).toBe(0);
});

test('an event that was published as another is dead, whatever its headers say, and stays so when redriven', async () => {
  const { start, calls, settled } = await consumeAccounts();
  const forged = registered();
  const honest = registered();
  // RabbitMQ 3 asks for no right to the keys of a CC header, so who may publish anything can reach any queue with it.
  const type = 'evergreen.notifier.NotificationsRead.v1';
  const headers = { CC: [UserRegistered.type], 'x-original-routing-key': UserRegistered.type };
  await rabbit.sendRaw(wire(forged), { type, headers });
  await rabbit.sendRaw(wire(honest));
  await start();
  await until('both to be settled', () => settled() === 2);
  expect(calls).toEqual([[honest.id]]);
  const dead = await rabbit.take(DEAD);
  const why = { 'x-dead-reason': 'foreign_routing_key', 'x-original-routing-key': type };
  expect(dead.properties.headers).toMatchObject(why);
  await rabbit.sendRaw(dead.content, { queue: QUEUE, headers: dead.properties.headers });
  await until('it to be settled again', () => settled() === 3);
  expect((await rabbit.take(DEAD)).properties.headers).toMatchObject(why);
  expect(calls).toEqual([[honest.id]]);
});

// The name of a transient queue may be that of an exchange too, and a queue may have any exchange for its dead letters: both are
// ways to a routing key that the broker asks no right for.
test('an event that came by a way around the rights is dead: by an exchange of somebody’s own, or as a dead letter', async () => {
  const { start, calls, settled } = await consumeAccounts();
  const [passed, buried, honest] = [registered(), registered(), registered()];
  const connection = await connect(rabbit.url);
  const channel = await connection.createConfirmChannel();
  await channel.assertExchange('notifier.sockets.own', 'fanout', { autoDelete: true });
  await channel.bindExchange(EVENT_EXCHANGE, 'notifier.sockets.own', '');
  channel.publish('notifier.sockets.own', UserRegistered.type, Buffer.from(wire(passed)));
  const grave = { deadLetterExchange: EVENT_EXCHANGE, deadLetterRoutingKey: UserRegistered.type, messageTtl: 0 };
  await channel.assertQueue('notifier.sockets.grave', { ...grave, autoDelete: true });
  channel.sendToQueue('notifier.sockets.grave', Buffer.from(wire(buried)));
  await channel.waitForConfirms();
  await rabbit.sendRaw(wire(honest));
  await start();
  await until('all to be settled', () => settled() === 3);
  expect(calls).toEqual([[honest.id]]);
  for (const _ of [passed, buried]) {
    const { headers } = (await rabbit.take(DEAD)).properties;
    expect(headers).toMatchObject({ 'x-dead-reason': 'foreign_routing_key' });
  }
  await connection.close();
});

test('copies of one event in one batch are handled once', async () => {
  const [one, two] = [registered(), registered()];
  const { start, calls, settled } = await consumeAccounts();
  for (const event of [one, two, one, one]) await rabbit.sendRaw(wire(event));
  await start();
  await until('all to be settled', () => settled() === 4);
  expect(calls).toEqual([[one.id, two.id]]);
});

test('copies of an event that fails share its fate', async () => {
  const event = registered();
  const { start, settled, metrics } = await consumeAccounts(async () => {
    throw new Error('no');
  });
  for (let copy = 0; copy < 3; copy++) await rabbit.sendRaw(wire(event));
  await start();
  await until('all to be settled', () => settled() === 3);
  expect(await rabbit.depth(`${QUEUE}.retry.1`)).toBe(1);
  const counted = await metrics.getSingleMetricAsString('evergreen_consumer_messages_total');
  expect(counted).toContain(`evergreen_consumer_messages_total{queue="${QUEUE}",outcome="retried"} 3`);
  expect(counted).not.toContain('outcome="handled"');
});

test('batches are of 200 at most, in order, and one at a time', async () => {
  const events = registeredMany(1_000);
  let running = 0;
  let most = 0;
  const { start, calls, settled, metrics } = await consumeAccounts(async () => {
    most = Math.max(most, ++running);
    await new Promise(setImmediate);
    running--;
  });
  await publishAll(events);
  await start();
  await until('all to be settled', () => settled() === 1_000);
  expect(calls.flat()).toEqual(events.map(({ id }) => id));
  expect(Math.max(...calls.map(({ length }) => length))).toBe(200);
  expect(most).toBe(1);
  const sizes = await metrics.getSingleMetricAsString('evergreen_consumer_batch_messages');
  expect(sizes).toContain(`evergreen_consumer_batch_messages_sum{queue="${QUEUE}"} 1000`);
  expect(await metrics.getSingleMetricAsString('evergreen_consumer_batch_seconds')).toContain(
    'evergreen_consumer_batch_seconds_count',
  );
});
