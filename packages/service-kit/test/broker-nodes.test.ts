import { UserRegistered, UserUpdated } from '@evergreen/contracts/events/auth.ts';
import { NOTIFIER_ACCOUNTS } from '@evergreen/contracts/topology.ts';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import pino from 'pino';
import { Registry } from 'prom-client';
import { on } from '../src/batch.ts';
import { connectBroker } from '../src/broker.ts';
import { brokerNodes, changeEachNode } from '../src/broker-nodes.ts';
import { readConfig, SERVICE_CONFIG } from '../src/config.ts';
import { keepConnected } from '../src/connection.ts';
import { outboxRows } from '../src/outbox.ts';
import { setUpTopology } from '../src/topology.ts';
import { createTestBroker, openDoor, registeredMany, type TestBroker, until } from './rig.ts';

let rabbit: TestBroker;

beforeEach(async () => {
  rabbit = await createTestBroker();
});

afterEach(() => rabbit.drop());

/** The same broker at another address. */
const through = (port: number): string =>
  changeEachNode(rabbit.url, (url) => {
    url.hostname = '127.0.0.1';
    url.port = String(port);
  });

const openRabbitDoor = () => {
  const { hostname, port } = new URL(rabbit.url);
  return openDoor(hostname, Number(port) || 5672);
};

const DEAD = 1;

test.each([
  ['first', () => `${through(DEAD)},${rabbit.url}`],
  ['last', () => `${rabbit.url} , ${through(DEAD)}`],
])('a node that is not there is passed over, wherever it is named: %s', async (_place, urls) => {
  // Which is tried first is chance: both are, in ten tries.
  for (let service = 0; service < 10; service++) {
    const startedAt = performance.now();
    const { broker } = await rabbit.open(`service-${service}`, urls());
    expect(broker.isReady()).toBe(true);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  }
});

test('clients are spread over the nodes', async () => {
  const [one, two] = [await openRabbitDoor(), await openRabbitDoor()];
  const opened = await Promise.all(
    Array.from({ length: 12 }, (_, n) => rabbit.open(`spread-${n}`, `${through(one.port)},${through(two.port)}`)),
  );
  await one.shut();
  await until('some to be away', () => opened.some(({ broker }) => !broker.isReady()));
  // All 24 connections on the same node by chance: once in 10 million runs.
  expect(opened.flatMap(({ logs }) => logs).filter((line) => line.includes('lost')).length).toBeLessThan(24);
  await until('all to be at the other node', () => opened.every(({ broker }) => broker.isReady()));
  await Promise.all(opened.map(({ broker }) => broker.close()));
  await two.shut();
});

test('when the node that serves dies, publishing and consuming go on at the next, and nothing is lost', async () => {
  const doors = [await openRabbitDoor(), await openRabbitDoor(), await openRabbitDoor()];
  const urls = doors.map(({ port }) => through(port)).join(',');
  const seen = new Set<string>();
  const { broker, logs } = await rabbit.open('mover', urls);
  await broker.consume(NOTIFIER_ACCOUNTS, [
    on(UserRegistered, async (events) => {
      for (const { id } of events) seen.add(id);
    }),
    on(UserUpdated, async () => undefined),
  ]);
  const published = new Set<string>();
  const say = async () => {
    const events = registeredMany(50);
    for (let left = events; left.length > 0; ) {
      const { refused } = await broker.publish(outboxRows(left));
      left = left.filter(({ id }) => refused.has(id));
      if (left.length > 0) await until('the broker to be there', () => broker.canPublish());
    }
    for (const { id } of events) published.add(id);
  };
  await say();
  for (const door of doors.slice(0, 2)) {
    const saying = say();
    await door.shut();
    await saying;
    await until('it to be ready', () => broker.isReady());
    await say();
  }
  await until('all to be seen', () => [...published].every((id) => seen.has(id)));
  // Wherever its connections began, which is chance, they have come to the last one.
  const lostAt = (door?: { port: number }) =>
    logs.some((line) => line.includes('lost') && line.includes(`127.0.0.1:${door?.port}`));
  expect(lostAt(doors[2])).toBe(false);
  await doors[2]?.shut();
  await until('it to be lost there', () => lostAt(doors[2]) && !broker.isReady());
  await broker.close();
});

test('where no node answers, the error names all of them and no password', async () => {
  const connecting = connectBroker({
    url: 'amqp://wallet:hush@127.0.0.1:1/evergreen,amqps://wallet:hush@127.0.0.1:2/evergreen',
    service: 'tester',
    logger: pino({ level: 'silent' }),
    metrics: new Registry(),
    firstConnectMs: 300,
  });
  const error: Error = await connecting.then(
    () => Promise.reject(new Error('it connected')),
    (reason) => reason,
  );
  expect(error.message).toMatch(
    /^RabbitMQ at amqp:\/\/127\.0\.0\.1:1\/evergreen, amqps:\/\/127\.0\.0\.1:2\/evergreen cannot be used: connect ECONNREFUSED/,
  );
});

test('a node that takes connections and answers nothing more does not use up the time of the others', async () => {
  let tries = 0;
  const kept = await keepConnected({
    url: `${rabbit.url},${rabbit.url}`,
    name: 'patient',
    logger: pino({ level: 'silent' }),
    firstConnectMs: 300,
    prepare: () => (++tries === 1 ? new Promise(() => undefined) : Promise.resolve()),
  });
  expect(kept.isOpen()).toBe(true);
  expect(tries).toBe(2);
  await kept.close();
});

test('the topology is declared on the first node that answers', async () => {
  await setUpTopology(`${through(DEAD)},${rabbit.url}`);
  await expect(setUpTopology(`${through(DEAD)},${through(DEAD)}`)).rejects.toThrow('ECONNREFUSED');
});

test('AMQP_URL takes one node or several, and nothing else', () => {
  const { AMQP_URL } = SERVICE_CONFIG;
  const read = (value: string) => readConfig({ AMQP_URL }, { AMQP_URL: value }).AMQP_URL;
  expect(brokerNodes(read('amqp://a:b%2Cc@one/vhost'))).toEqual(['amqp://a:b%2Cc@one/vhost']);
  expect(brokerNodes(read('amqp://one,amqps://two:5671/x , amqp://three'))).toEqual([
    'amqp://one',
    'amqps://two:5671/x',
    'amqp://three',
  ]);
  for (const wrong of ['amqp://one,two', 'amqp://one,', ',amqp://one', 'http://one', 'amqp://one amqp://two']) {
    expect(() => read(wrong)).toThrow('AMQP_URL must be an amqp:// URL, or those of several nodes of one cluster');
  }
});
