import { EVENT_EXCHANGE, NOTIFIER_ACCOUNTS, NOTIFIER_CLOCK, QUEUES } from '@evergreen/contracts/topology.ts';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import pino from 'pino';
import { Registry } from 'prom-client';
import { connectBroker } from '../src/broker.ts';
import { outboxRows } from '../src/outbox.ts';
import { completeMark, queueNames, setUpTopology } from '../src/topology.ts';
import { createTestBroker, registered, registeredMany, type TestBroker, until } from './rig.ts';

let rabbit: TestBroker;

beforeEach(async () => {
  rabbit = await createTestBroker();
});

afterEach(() => rabbit.drop());

test('a broker that has lost everything is told apart, and used again once it is set up', async () => {
  const { broker, logs } = await rabbit.open();
  for (const name of queueNames()) await rabbit.channel.deleteQueue(name);
  for (const name of [EVENT_EXCHANGE, 'wallet.set-aside', completeMark(QUEUES)])
    await rabbit.channel.deleteExchange(name);
  await rabbit.cut('tester');
  await until('it to say so', () => logs.some((line) => line.includes("it has no exchange 'evergreen.events'")));
  expect(broker.isReady()).toBe(false);
  const event = registered();
  expect((await broker.publish(outboxRows([event]))).refused.get(event.id)).toBe('broker_away');
  await setUpTopology(rabbit.url);
  await until('the broker to be ready again', () => broker.isReady());
  expect(await broker.publish(outboxRows([event]))).toEqual({ refused: new Map() });
});

test('a service waits for a topology that is only half there, and does not start without', async () => {
  const half = await rabbit.connection.createChannel();
  await half.deleteQueue(NOTIFIER_CLOCK.name);
  const start = () =>
    connectBroker({
      url: rabbit.url,
      service: 'tester',
      logger: pino({ level: 'silent' }),
      metrics: new Registry(),
      firstConnectMs: 300,
    });
  await expect(start()).rejects.toThrow(
    "it has no queue 'notifier.clock'; it has to be set up first, by packages/stack/src/set-up-broker.ts",
  );
  await half.deleteExchange(completeMark(QUEUES));
  await expect(start()).rejects.toThrow(`it has no exchange '${completeMark(QUEUES)}'`);
  await setUpTopology(rabbit.url);
  await (await start()).close();
});

test('setting up again changes nothing, also when two do it at once', async () => {
  const { broker } = await rabbit.open();
  await broker.publish(outboxRows(registeredMany(3)));
  await Promise.all([setUpTopology(rabbit.url), setUpTopology(rabbit.url)]);
  expect(await rabbit.depth(NOTIFIER_ACCOUNTS.name)).toBe(3);
  expect(broker.isReady()).toBe(true);
});

test('setting up beside running services never says that something is missing, even if it breaks off half-way', async () => {
  const { channel } = rabbit;
  await channel.deleteQueue(NOTIFIER_CLOCK.name);
  await channel.assertQueue(NOTIFIER_CLOCK.name, { durable: true });
  await expect(setUpTopology(rabbit.url)).rejects.toThrow('PRECONDITION_FAILED');
  expect((await rabbit.open()).broker.isReady()).toBe(true);

  // What was bound to the mark is still bound, so it was there all the time. A binding that was lost is there again.
  await channel.deleteQueue(NOTIFIER_CLOCK.name);
  await setUpTopology(rabbit.url);
  await channel.assertExchange('probe', 'fanout');
  await channel.bindExchange(completeMark(QUEUES), 'probe', '');
  await channel.assertQueue('heard');
  await channel.bindQueue('heard', completeMark(QUEUES), '');
  await channel.unbindQueue(NOTIFIER_ACCOUNTS.name, EVENT_EXCHANGE, 'evergreen.auth.UserRegistered.*');
  await setUpTopology(rabbit.url);
  channel.publish('probe', '', Buffer.from('x'));
  await rabbit.take('heard');
  await rabbit.sendRaw('{}');
  expect(await rabbit.depth(NOTIFIER_ACCOUNTS.name)).toBe(1);
});

test('publishing what one has no right to ends the connection, and the log says what was refused', async () => {
  const { broker, logs } = await rabbit.open('notifier', rabbit.urls.notifier);
  const event = registered();
  expect((await broker.publish(outboxRows([event]))).refused.get(event.id)).toBe('unconfirmed');
  await until('it to say so', () =>
    logs.some((line) => /access to topic 'evergreen.auth.UserRegistered.v1'/.test(line)),
  );
  expect(await rabbit.depth(NOTIFIER_ACCOUNTS.name)).toBe(0);
});
