import { UserRegistered } from '@evergreen/contracts/events/auth.ts';
import { NotificationsRead } from '@evergreen/contracts/events/notifier.ts';
import {
  DELIVERY_LIMIT,
  EVENT_EXCHANGE,
  NOTIFIER_ACCOUNTS,
  NOTIFIER_CLOCK,
  QUEUES,
} from '@evergreen/contracts/topology.ts';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import pino from 'pino';
import { Registry } from 'prom-client';
import { on } from '../src/batch.ts';
import { connectBroker } from '../src/broker.ts';
import { newEvent } from '../src/events.ts';
import { outboxRows } from '../src/outbox.ts';
import { deadQueue, queueNames } from '../src/topology.ts';
import { createTestBroker, registered, registeredMany, type TestBroker, until } from './rig.ts';

let rabbit: TestBroker;

beforeEach(async () => {
  rabbit = await createTestBroker();
});

afterEach(() => rabbit.drop());

test('services that start at once all find the same queues, and a message waits for a consumer not yet started', async () => {
  const services = await Promise.all(['a', 'b', 'c', 'd'].map((name) => rabbit.open(name)));
  expect(services.every(({ broker }) => broker.isReady())).toBe(true);
  const [first] = services;
  expect(await first?.broker.queueDepths()).toHaveLength(QUEUES.length * 5);
  const event = registered();
  expect(await first?.broker.publish(outboxRows([event]))).toEqual({ refused: new Map() });
  const message = await rabbit.take(NOTIFIER_ACCOUNTS.name);
  expect(JSON.parse(message.content.toString())).toEqual(event);
  expect(message.fields).toMatchObject({ exchange: EVENT_EXCHANGE, routingKey: UserRegistered.type });
  expect(message.properties).toMatchObject({
    messageId: event.id,
    type: UserRegistered.type,
    contentType: 'application/cloudevents+json',
    deliveryMode: 2,
  });
});

test('thousands of events go out in windows, in order, and all are confirmed', async () => {
  const { broker } = await rabbit.open();
  const events = registeredMany(1_300);
  expect(await broker.publish(outboxRows(events))).toEqual({ refused: new Map() });
  expect(await broker.queueDepths([NOTIFIER_ACCOUNTS.name])).toEqual([{ name: NOTIFIER_ACCOUNTS.name, ready: 1_300 }]);
  const taken = await rabbit.drain(NOTIFIER_ACCOUNTS.name, 1_300);
  expect(taken.map(({ properties }) => properties.messageId)).toEqual(events.map(({ id }) => id));
});

test('an event nobody is bound to is a failure of that event alone', async () => {
  const { broker } = await rabbit.open();
  const [before, after] = registeredMany(2).map((event) => outboxRows([event])[0]);
  const lost = { messageId: registered().id, type: 'evergreen.nobody.Listens.v1', body: '{}' };
  if (!before || !after) throw new Error('two events were made');
  expect(await broker.publish([before, lost, after])).toEqual({ refused: new Map([[lost.messageId, 'returned']]) });
  expect(await rabbit.depth(NOTIFIER_ACCOUNTS.name)).toBe(2);
});

test('a full queue refuses, and the event counts as failed', async () => {
  const { broker } = await rabbit.open();
  await rabbit.channel.assertQueue('tiny', { maxLength: 1, overflow: 'reject-publish' });
  await rabbit.channel.bindQueue('tiny', EVENT_EXCHANGE, 'evergreen.tests.Full.v1');
  const rows = registeredMany(3).map(({ id }) => ({ messageId: id, type: 'evergreen.tests.Full.v1', body: '{}' }));
  const { refused } = await broker.publish(rows);
  expect([...refused]).toEqual(rows.slice(1).map(({ messageId }) => [messageId, 'nacked']));
});

test('where nothing but nacks comes back for a while, the next connection tries, and other events go on', async () => {
  const { broker, logs } = await rabbit.open();
  await rabbit.channel.assertQueue('tiny', { maxLength: 1, overflow: 'reject-publish' });
  await rabbit.channel.bindQueue('tiny', EVENT_EXCHANGE, 'evergreen.tests.Full.v1');
  const row = () => ({ messageId: registered().id, type: 'evergreen.tests.Full.v1', body: '{}' });
  await broker.publish([row()]);
  const lost = () => logs.filter((line) => line.includes('refused all for evergreen.events evergreen.tests.Full.v1'));
  const startedAt = performance.now();
  await until('the connection to be lost', async () => {
    const refused = row();
    const answer = await broker.publish([refused, ...outboxRows([registered()])]);
    if (lost().length === 0 && broker.canPublish()) expect([...answer.refused.keys()]).toEqual([refused.messageId]);
    return lost().length > 0;
  });
  expect(performance.now() - startedAt).toBeGreaterThan(2_500);
  await until('the broker to be there again', () => broker.canPublish());
  await rabbit.channel.purgeQueue('tiny');
  expect(await broker.publish([row()])).toEqual({ refused: new Map() });
  expect(lost()).toHaveLength(1);
});

test('a queue that is full and stays so costs the connection once, and everything else goes on', async () => {
  const { broker, logs } = await rabbit.open();
  await rabbit.channel.assertQueue('tiny', {
    durable: true,
    arguments: { 'x-queue-type': 'quorum', 'x-max-length': 1, 'x-overflow': 'reject-publish' },
  });
  await rabbit.channel.bindQueue('tiny', EVENT_EXCHANGE, 'evergreen.tests.Full.v1');
  const row = () => ({ messageId: registered().id, type: 'evergreen.tests.Full.v1', body: '{}' });
  await until('the queue to be full', async () => (await broker.publish([row()])).refused.size === 1);
  const lost = () => logs.filter((line) => line.includes('connection to the broker lost'));
  await until('the connection to be lost', async () => {
    await broker.publish([row()]);
    return lost().length > 0;
  });
  await until('the broker to be there again', () => broker.isReady());
  // More than twice as long as the first connection was kept.
  for (const startedAt = performance.now(); performance.now() - startedAt < 7_000; ) {
    const [refused, taken] = [row(), registered()];
    const answer = await broker.publish([refused, ...outboxRows([taken])]);
    expect([...answer.refused]).toEqual([[refused.messageId, 'nacked']]);
    expect(broker.isReady()).toBe(true);
  }
  expect(lost()).toHaveLength(1);
  await rabbit.channel.purgeQueue('tiny');
  await until('the queue to take more', async () => (await broker.publish([row()])).refused.size === 0);
});

test('a broker that cuts the connection is reconnected to, and publishing fails without throwing meanwhile', async () => {
  const { broker } = await rabbit.open();
  const events = registeredMany(20_000);
  const publishing = broker.publish(outboxRows(events));
  await rabbit.cut('tester');
  const { refused } = await publishing;
  await until('the broker to be ready again', () => broker.isReady());
  const left = events.filter(({ id }) => refused.has(id));
  expect(await broker.publish(outboxRows(left))).toEqual({ refused: new Map() });
  // What was confirmed is there, and what was not has been sent again: nothing is missing.
  expect(await rabbit.depth(NOTIFIER_ACCOUNTS.name)).toBeGreaterThanOrEqual(events.length);
});

test('after close, publishing says that the broker is away', async () => {
  const { broker } = await rabbit.open();
  await broker.close();
  const event = registered();
  expect(await broker.publish(outboxRows([event]))).toEqual({ refused: new Map([[event.id, 'broker_away']]) });
  expect(broker.isReady()).toBe(false);
  await expect(broker.queueDepths()).rejects.toThrow('the broker is away');
});

test('a broker that is not there ends the start with one readable line, without the password', async () => {
  const connecting = connectBroker({
    url: 'amqp://wallet:hush@127.0.0.1:1/evergreen',
    service: 'tester',
    logger: pino({ level: 'silent' }),
    metrics: new Registry(),
    firstConnectMs: 300,
  });
  await expect(connecting).rejects.toThrow(
    'RabbitMQ at amqp://127.0.0.1:1/evergreen cannot be used: connect ECONNREFUSED 127.0.0.1:1',
  );
});

const markedRead = () =>
  newEvent(NotificationsRead, {
    subject: 'user',
    time: '2026-11-23T08:00:00.000Z',
    correlationId: 'test',
    data: {
      userId: registered().data.userId,
      ids: [],
      all: true,
      unreadCount: 0,
      version: 1,
      readAt: '2026-11-23T08:00:00.000Z',
    },
  });

test('each transient subscriber hears every event, on a queue that leaves nothing behind', async () => {
  const heard: string[] = [];
  for (const replica of ['one', 'two']) {
    const { broker } = await rabbit.open(replica);
    const hear = on(NotificationsRead, async ([event]) => void heard.push(`${replica} ${event?.id}`));
    await broker.subscribeTransient({ name: 'tester.sockets', handlers: [hear], onReconnect: () => {} });
  }
  const { broker } = await rabbit.open('speaker');
  const event = markedRead();
  expect((await broker.publish(outboxRows([event]))).refused.size).toBe(0);
  await until('both to hear it', () => heard.length === 2);
  expect(heard.sort()).toEqual([`one ${event.id}`, `two ${event.id}`]);
});

test('a transient subscriber is there again after a lost connection, and says that it may have missed something', async () => {
  const { broker } = await rabbit.open('listener');
  const heard: (string | undefined)[] = [];
  let gaps = 0;
  await broker.subscribeTransient({
    name: 'tester.sockets',
    handlers: [
      on(NotificationsRead, async ([event]) => {
        heard.push(event?.id);
        throw new Error('a handler that fails is logged, and the next event is heard all the same');
      }),
    ],
    onReconnect: () => gaps++,
  });
  expect(gaps).toBe(0);
  await rabbit.cut('listener');
  await until('it to listen again', () => gaps === 1);
  const { broker: speaker } = await rabbit.open('speaker');
  const events = [markedRead(), markedRead()];
  expect((await speaker.publish(outboxRows(events))).refused.size).toBe(0);
  await until('it to hear them', () => heard.length === 2);
  expect(heard).toEqual(events.map(({ id }) => id));
});

test('a message that is never acknowledged is dead-lettered by the broker, and a dead letter may be looked at for ever', async () => {
  await rabbit.open();
  const { connection } = rabbit;
  const event = registered();
  await rabbit.sendRaw(JSON.stringify(event));
  const dieWithOneOf = async (queue: string) => {
    const channel = await connection.createChannel();
    const message = await channel.get(queue);
    await channel.close();
    return message !== false;
  };
  await until('the broker to give up', async () => {
    await dieWithOneOf(NOTIFIER_ACCOUNTS.name);
    return (await rabbit.depth(deadQueue(NOTIFIER_ACCOUNTS.name))) === 1;
  });
  for (let look = 0; look < DELIVERY_LIMIT + 5; look++) {
    await until('a look at it', () => dieWithOneOf(deadQueue(NOTIFIER_ACCOUNTS.name)));
  }
  const dead = await rabbit.take(deadQueue(NOTIFIER_ACCOUNTS.name));
  expect(JSON.parse(dead.content.toString())).toEqual(event);
  expect(dead.properties.headers?.['x-death']?.[0]).toMatchObject({
    reason: 'delivery_limit',
    queue: NOTIFIER_ACCOUNTS.name,
  });
});

test('an operator sees every queue by name', async () => {
  expect(queueNames([NOTIFIER_CLOCK])).toEqual([
    'notifier.clock',
    'notifier.clock.retry.1',
    'notifier.clock.retry.2',
    'notifier.clock.retry.3',
    'notifier.clock.dead',
  ]);
});
