import { EVENTS } from '@evergreen/contracts/catalogue.ts';
import { bindingKeys, EVENT_EXCHANGE, NOTIFIER_FLOW, NOTIFIER_SOCKETS, QUEUES } from '@evergreen/contracts/topology.ts';
import { deadQueue, ownerOf, queueNames, retryQueue, setAsideExchange } from '@evergreen/service-kit/topology.ts';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Channel, type ChannelModel, type ConfirmChannel, connect, type Options } from 'amqplib';
import { awaitCondition } from '../src/await-condition.ts';
import { type ServiceName, serviceNames } from '../src/paths.ts';
import { createTestVhost, type TestVhost } from '../src/testing.ts';

// What each service's user may do on the broker, tried on the broker itself.

let vhost: TestVhost;
let admin: Channel;
const connections = new Map<ServiceName | 'admin', ChannelModel>();

beforeAll(async () => {
  vhost = await createTestVhost();
  connections.set('admin', await connect(vhost.amqpUrl));
  for (const service of serviceNames) connections.set(service, await connect(vhost.urls[service]));
  admin = await connectionOf('admin').createChannel();
});

afterAll(async () => {
  for (const connection of connections.values()) await connection.close();
  await vhost.drop();
});

function connectionOf(user: ServiceName | 'admin'): ChannelModel {
  const connection = connections.get(user);
  if (!connection) throw new Error(`${user} is not connected`);
  return connection;
}

/** Does something on a channel of its own, and answers with the broker's refusal, or with undefined when it was let through. */
async function refusal(service: ServiceName, work: (channel: ConfirmChannel) => Promise<unknown>) {
  const channel = await connectionOf(service).createConfirmChannel();
  const refused = new Promise<string>((resolve) => channel.on('error', (error: Error) => resolve(error.message)));
  try {
    await work(channel);
  } catch {
    return refused;
  }
  await channel.close();
  return undefined;
}

const publish =
  (exchange: string, key: string, options: Options.Publish = {}) =>
  async (channel: ConfirmChannel) => {
    channel.publish(exchange, key, Buffer.from('{}'), options);
    await channel.waitForConfirms();
  };

/** RabbitMQ 4 says which access it was. */
const refusedAccessTo = (what: string) =>
  expect.stringMatching(new RegExp(`ACCESS_REFUSED - (\\w+ )?access to ${what.replaceAll('.', '\\.')}`));

/** Runs a check of each, all at once: what is refused takes the broker a while. */
const each = async <One>(all: readonly One[], check: (one: One) => Promise<unknown>): Promise<void> => {
  await Promise.all(all.map(check));
};

const UUID = '01936f4e-6c1a-7d3b-8a53-3f0c5f2b9d10';
const types = [...EVENTS.keys()];
const durable = queueNames();

test('every event belongs to a service, and every queue too', () => {
  expect(types.length).toBeGreaterThan(20);
  const owners = new Set([...types, ...durable].map(ownerOf));
  expect([...owners].filter((owner) => !serviceNames.some((service) => service === owner))).toEqual([]);
  expect(types.filter((type) => ownerOf(type) === 'wallet').length).toBeGreaterThan(5);
});

test.each(serviceNames)('%s may publish its own events, and no other of the catalogue', async (service) => {
  const allowed = new Set<string>();
  await each(types, async (type) => {
    const refused = await refusal(service, publish(EVENT_EXCHANGE, type));
    if (refused === undefined) allowed.add(type);
    else expect(refused).toEqual(refusedAccessTo(`topic '${type}' in exchange '${EVENT_EXCHANGE}'`));
  });
  expect(types.filter((type) => allowed.has(type))).toEqual(
    types.filter((type) => type.startsWith(`evergreen.${service}.`)),
  );
});

test.each([
  ['', 'wallet.charges', 'amq.default'],
  ['', 'notifier.inbox', 'amq.default'],
  ['amq.topic', 'evergreen.notifier.NotificationCreated.v1', 'amq.topic'],
  ['wallet.set-aside', 'wallet.charges', 'wallet.set-aside'],
])('the notifier reaches no queue by the side door: exchange "%s", key %s', async (exchange, key, named) => {
  const refused = await refusal('notifier', publish(exchange, key));
  expect(refused).toEqual(refusedAccessTo(`exchange '${named}'`));
});

test.each(serviceNames)('%s consumes its own queues and their dead letters, and no others', async (service) => {
  await each(QUEUES, async ({ name }) => {
    const refused = await refusal(service, (channel) => channel.consume(name, () => undefined));
    if (ownerOf(name) === service) expect(refused).toBeUndefined();
    else expect(refused).toEqual(refusedAccessTo(`queue '${name}'`));
    const getFrom = (queue: string) => refusal(service, (channel) => channel.get(queue));
    expect(await getFrom(retryQueue(name, 1))).toEqual(refusedAccessTo(`queue '${retryQueue(name, 1)}'`));
    const dead = await getFrom(deadQueue(name));
    if (ownerOf(name) === service) expect(dead).toBeUndefined();
    else expect(dead).toEqual(refusedAccessTo(`queue '${deadQueue(name)}'`));
  });
});

test.each(serviceNames)('%s declares, deletes and binds nothing that lasts', async (service) => {
  await each(QUEUES, async ({ name }) => {
    const attempts: ((channel: ConfirmChannel) => Promise<unknown>)[] = [
      (channel) => channel.deleteQueue(name),
      (channel) => channel.assertQueue(name),
      (channel) => channel.bindQueue(name, EVENT_EXCHANGE, 'evergreen.#'),
      (channel) => channel.unbindQueue(name, EVENT_EXCHANGE, 'evergreen.#'),
    ];
    if (ownerOf(name) !== service) attempts.push((channel) => channel.purgeQueue(name));
    for (const attempt of attempts) expect(await refusal(service, attempt)).toEqual(refusedAccessTo(`queue '${name}'`));
  });
  await each(['', 'listener', `${service}.more`, 'notifier.sockets', `auth.sockets.${UUID}`], async (name) => {
    const refused = await refusal(service, (channel) => channel.assertQueue(name, { exclusive: true }));
    expect(refused).toEqual(refusedAccessTo('queue'));
  });
  await each([EVENT_EXCHANGE, `${service}.set-aside`, `${service}.more`], async (name) => {
    const refused = refusedAccessTo(`exchange '${name}'`);
    expect(await refusal(service, (channel) => channel.deleteExchange(name))).toEqual(refused);
    expect(await refusal(service, (channel) => channel.assertExchange(name, 'topic'))).toEqual(refused);
  });
});

test('what a consumer sets aside goes to the queues beside its own, and to no others', async () => {
  const depthOf = async (queue: string) => (await admin.checkQueue(queue)).messageCount;
  for (const { name } of QUEUES) {
    for (const place of [retryQueue(name, 3), deadQueue(name), name]) {
      const before = await depthOf(place);
      expect(await refusal(ownerOf(name) as ServiceName, publish(setAsideExchange(name), place))).toBeUndefined();
      const arrived = async () => ((await depthOf(place)) === before + 1 ? true : undefined);
      await awaitCondition(arrived, { what: `the message in ${place}`, timeoutMs: 5_000, intervalMs: 20 });
    }
  }
  const returned: string[] = [];
  await refusal('notifier', async (channel) => {
    channel.on('return', ({ fields }) => returned.push(fields.routingKey));
    await publish('notifier.set-aside', 'wallet.charges', { mandatory: true })(channel);
  });
  expect(returned).toEqual(['wallet.charges']);
});

/** Makes a queue as a notifier replica does, and binds it. */
const bind = (queue: string, exchange: string, key: string) => async (channel: ConfirmChannel) => {
  const name = `${queue}.${UUID}`;
  await channel.assertQueue(name, { exclusive: true, durable: false });
  await channel.bindQueue(name, exchange, key);
};

test('the notifier hears every event of the catalogue, on queues of its own, and none besides', async () => {
  const heard = bindingKeys([...EVENTS.values()]);
  const foreign = ['evergreen.wallet.*.*', 'evergreen.#', '#', 'evergreen.wallet.Nothing.*'];
  await each([...heard, ...foreign], async (key) => {
    const refused = await refusal('notifier', bind(NOTIFIER_SOCKETS.name, EVENT_EXCHANGE, key));
    if (heard.includes(key)) expect(refused).toBeUndefined();
    else expect(refused).toEqual(refusedAccessTo("topic '"));
  });
});

test('the notifier alone hears what others set aside', async () => {
  await each(QUEUES, async ({ name }) => {
    for (const place of [retryQueue(name, 1), deadQueue(name)]) {
      expect(await refusal('notifier', bind(NOTIFIER_FLOW.name, setAsideExchange(name), place))).toBeUndefined();
    }
  });
  // They may not even make the queue for it, nor reach the exchange by one of another's.
  await each(['wallet', 'subscriptions', 'auth', 'gateway'] as const, async (service) => {
    const refused = await refusal(service, bind(NOTIFIER_FLOW.name, 'notifier.set-aside', 'notifier.inbox.dead'));
    expect(refused).toEqual(refusedAccessTo('queue'));
  });
});

test('anybody may ask for the depth of a queue, as the billing clock does', async () => {
  await each(durable, async (name) => {
    expect(await refusal('subscriptions', (channel) => channel.checkQueue(name))).toBeUndefined();
  });
});

test('a service is let in nowhere else, and not without its password', async () => {
  const elsewhere = new URL(vhost.urls.notifier);
  elsewhere.pathname = '/';
  await expect(connect(elsewhere.href)).rejects.toThrow('Expected ConnectionOpenOk; got <ConnectionClose');
  const guessing = new URL(vhost.urls.notifier);
  guessing.password = decodeURIComponent(new URL(vhost.urls.wallet).password);
  await expect(connect(guessing.href)).rejects.toThrow(/ACCESS[-_]REFUSED/);
});
