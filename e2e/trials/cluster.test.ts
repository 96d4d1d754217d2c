import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { UserRegistered } from '@evergreen/contracts/events/auth.ts';
import { NOTIFIER_ACCOUNTS } from '@evergreen/contracts/topology.ts';
import { connectBroker } from '@evergreen/service-kit/broker.ts';
import { brokerNodes } from '@evergreen/service-kit/broker-nodes.ts';
import { newEvent } from '@evergreen/service-kit/events.ts';
import { outboxRows } from '@evergreen/service-kit/outbox.ts';
import { queueNames } from '@evergreen/service-kit/topology.ts';
import { awaitCondition } from '@evergreen/stack/await-condition.ts';
import { createUsers } from '@evergreen/stack/broker.ts';
import { type DataDirectory, openDataDirectory } from '@evergreen/stack/data-directory.ts';
import { type RabbitmqCluster, startRabbitmqCluster } from '@evergreen/stack/rabbitmq-cluster.ts';
import { rabbitmqManagement } from '@evergreen/stack/rabbitmq-management.ts';
import { createTestVhost, startTestStack, type TestStack } from '@evergreen/stack/testing.ts';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pino from 'pino';
import { Registry } from 'prom-client';
import { openSocket, topUp } from '../src/people.ts';
import { openRenewals, type Renewals, watchRenewals } from '../src/renewals.ts';

// `npm run test:cluster`: renewals on a RabbitMQ of three nodes, through the death of each of them, and of two at once.

const PEOPLE = 200;
const PLANS = 10;
const RENEWALS = PEOPLE * PLANS;

let directory: DataDirectory;
let cluster: RabbitmqCluster;
let stack: TestStack;
let renewals: Renewals;
let periods = 1;
let socket: Awaited<ReturnType<typeof openSocket>> | undefined;
const killed: string[] = [];

const say = (line: string) => void process.stderr.write(`    ${line}\n`);
const until = (what: string, holds: () => Promise<boolean>, timeoutMs = 60_000) =>
  awaitCondition(async () => (await holds()) || undefined, { what, timeoutMs, intervalMs: 50 });

const broker = () => ({ amqpUrl: cluster.amqpUrl, managementUrl: cluster.managementUrl() });
const quorumQueues = () => {
  const vhost = new URL(brokerNodes(stack.amqpUrl)[0] ?? '').pathname.slice(1);
  return rabbitmqManagement(cluster.managementUrl()).quorumQueues(vhost);
};

beforeAll(async () => {
  directory = await openDataDirectory(join(process.env.TEST_DIRECTORY ?? '', 'stack-cluster'));
  cluster = await startRabbitmqCluster({ directory, size: 3, say });
  await createUsers(broker());
  stack = await startTestStack({ broker: broker() });
  renewals = await openRenewals(stack, { people: PEOPLE, plans: PLANS });
  await renewals.expectEach(periods);
  say(`${RENEWALS} subscriptions are active`);
}, 600_000);

afterAll(async () => {
  socket?.close();
  await renewals?.close();
  await stack?.stop();
  await cluster?.stop();
  directory?.release();
}, 60_000);

/** How many queues each node leads. */
async function leaders(): Promise<Map<string, number>> {
  const counts = new Map(cluster.names.map((name) => [name, 0]));
  for (const { leader } of await quorumQueues()) {
    if (leader !== undefined) counts.set(leader, (counts.get(leader) ?? 0) + 1);
  }
  return counts;
}

const allQueuesWhole = () =>
  until('every queue to have all its members', async () => {
    const queues = await quorumQueues();
    return queues.length > 0 && queues.every(({ online }) => online?.length === cluster.names.length);
  });

test('every queue, with its retry and dead-letter queues, is kept by all three nodes', async () => {
  await allQueuesWhole();
  const queues = await quorumQueues();
  expect(queues.map(({ name }) => name).sort()).toEqual(queueNames().sort());
  for (const { members } of queues) expect(members.sort()).toEqual([...cluster.names].sort());
  // None leads everything, so the death of one is not the death of all.
  for (const led of (await leaders()).values()) expect(led).toBeGreaterThan(0);
});

test('who first publishes while a queue has no leader is not refused for ever', async () => {
  const vhost = await createTestVhost(broker());
  const queues = await rabbitmqManagement(cluster.managementUrl()).quorumQueues(vhost.name);
  const { leader = '' } = queues.find(({ name }) => name === NOTIFIER_ACCOUNTS.name) ?? {};
  // At a node that stays, with channels that have not published yet: one for each tenth of a second of an election.
  const elsewhere = cluster.names.findIndex((name) => name !== leader);
  const url = brokerNodes(vhost.amqpUrl)[elsewhere] ?? '';
  const logger = pino({ level: 'silent' });
  const open = () => connectBroker({ url, service: 'trial', logger, metrics: new Registry() });
  const publishers = await Promise.all(Array.from({ length: 15 }, open));
  const dying = cluster.kill(leader);
  const refusals = await Promise.all(
    publishers.map(async (publisher, index) => {
      await delay(100 * index);
      const events = outboxRows([registered()]);
      const refused: string[] = [];
      await until('the event to be confirmed', async () => {
        const answer = await publisher.publish(events);
        refused.push(...answer.refused.values());
        return answer.refused.size === 0;
      });
      return refused;
    }),
  );
  await dying;
  const met = refusals.filter((refused) => refused.includes('nacked')).length;
  say(`of ${publishers.length} that first published in an election ${met} were refused at first, and none for ever`);
  await Promise.all(publishers.map((publisher) => publisher.close()));
  await cluster.start(leader);
  await vhost.drop();
  await allQueuesWhole();
}, 180_000);

const registered = () =>
  newEvent(UserRegistered, {
    ...{ subject: 'user', time: '2026-11-23T08:00:00.000Z', correlationId: 'trial' },
    data: { userId: randomUUID(), email: 'a@b.example', role: 'customer', timeZone: 'UTC', locale: 'en', version: 1 },
  });

test.each([0.05, 0.3, 0.6])(
  'a node dies when this part of 2,000 renewals is done: %d; all are renewed, each once',
  async (part) => {
    const before = RENEWALS * periods;
    await renewals.makeDue();
    expect(await renewals.granted()).toBe(before);
    const [victim, led] =
      [...(await leaders())].filter(([name]) => !killed.includes(name)).sort(([, a], [, b]) => b - a)[0] ?? [];
    if (victim === undefined) throw new Error('each node has been killed');
    const page = await openSocket(stack, renewals.people[0] as (typeof renewals.people)[number]);
    socket = page;
    let dying: Promise<void> | undefined;
    let doneAtDeath = 0;
    await renewals.begin();
    const pace = await watchRenewals(
      renewals,
      { from: before, target: before + RENEWALS, timeoutMs: 180_000 },
      (granted) => {
        if (dying || granted < before + part * RENEWALS) return;
        dying = cluster.kill(victim);
        doneAtDeath = granted - before;
      },
    );
    await dying;
    killed.push(victim);
    expect(doneAtDeath).toBeLessThan(RENEWALS);
    periods++;
    await renewals.settle();
    await renewals.expectEach(periods);
    await until('the open page to know of all', async () => {
      const last = page.heard.filter(({ event }) => event === 'unread-count').at(-1);
      return last?.data.unreadCount === PLANS * periods;
    });
    page.close();
    say(
      `${victim} (leader of ${led} queues) killed after ${doneAtDeath} of ${RENEWALS}: ` +
        `all in ${pace.seconds.toFixed(1)} s, ${pace.perSecond.toFixed(0)}/s, longest gap ${pace.longestGapMs.toFixed(0)} ms`,
    );
    await cluster.start(victim);
    await allQueuesWhole();
    await renewals.expectEach(periods);
  },
  400_000,
);

test('with two of three nodes gone nothing is published and nothing lost; when they are back all are renewed, each once', async () => {
  const before = RENEWALS * periods;
  await renewals.makeDue();
  const [one = '', two = ''] = [...(await leaders())].sort(([, a], [, b]) => b - a).map(([name]) => name);
  await Promise.all([cluster.kill(one), cluster.kill(two)]);
  await renewals.begin();
  await until('every renewal to wait in the outbox', async () => (await renewals.unsaid('subscriptions')) >= RENEWALS);
  // What needs no broker goes on: money comes in.
  const [customer] = renewals.people;
  expect((await topUp(customer as (typeof renewals.people)[number], 5_000)).status).toBe(201);
  expect(await renewals.unsaid('wallet')).toBeGreaterThan(0);
  expect(await renewals.granted()).toBe(before);
  const startedAt = performance.now();
  await cluster.start(one, two);
  const back = (performance.now() - startedAt) / 1_000;
  const pace = await watchRenewals(renewals, { from: before, target: before + RENEWALS, timeoutMs: 180_000 });
  periods++;
  await renewals.settle();
  await renewals.expectEach(periods);
  await allQueuesWhole();
  say(`no quorum: back after ${back.toFixed(1)} s, and ${RENEWALS} renewals ${pace.seconds.toFixed(1)} s later`);
}, 400_000);
