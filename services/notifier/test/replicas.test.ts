import { NotificationCreated, NotificationsRead } from '@evergreen/contracts/events/notifier.ts';
import { BalanceToppedUp } from '@evergreen/contracts/events/wallet.ts';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import type { Client } from './client.ts';
import { type Line, openLine } from './line.ts';
import { openRig, type Person, type Replica, type Rig, until } from './rig.ts';
import { toppedUp } from './sample.ts';

let rig: Rig;
let near: Replica;
/** Reaches the broker through a line that can be cut. */
let far: Replica;
let line: Line;

beforeAll(async () => {
  rig = await openRig();
  line = await openLine(rig.amqpUrl);
  near = await rig.startReplica();
  far = await rig.startReplica(line.url);
});
afterAll(async () => {
  await rig.close();
  await line.close();
});

async function onBoth(person: Person): Promise<Client[]> {
  const clients = [near.connect(person), far.connect(person)];
  for (const client of clients) await client.ready();
  return clients;
}

async function topUp(person: Person): Promise<string> {
  const facts = toppedUp(person.id);
  await rig.say(BalanceToppedUp, facts);
  return facts.topUpId;
}

const allToHear = (clients: Client[], count: number) =>
  until(`${count} notifications at each`, () => clients.every((client) => client.notifications().length >= count));

const topUpsOf = (client: Client) => client.notifications().map(({ data }) => data.topUpId);

async function inOrder(person: Person): Promise<string[]> {
  const { rows } = await rig.pool.query(
    `SELECT data->>'topUpId' AS id FROM notification WHERE user_id = $1 ORDER BY seq`,
    [person.id],
  );
  return rows.map(({ id }) => id);
}

test('a socket on each replica is told everything once, in order, whichever replica stored it', async () => {
  const people = [rig.person(), rig.person(), rig.person()];
  const clients = await Promise.all(people.map(onBoth));
  await Promise.all(people.flatMap((person) => Array.from({ length: 40 }, () => topUp(person))));
  for (const [index, person] of people.entries()) {
    const own = clients[index] ?? [];
    await allToHear(own, 40);
    for (const client of own) {
      expect(topUpsOf(client)).toEqual(await inOrder(person));
      await client.heardOf('unread-count', ({ unreadCount }) => unreadCount === 40);
    }
  }
});

test('what is marked read at one reaches the sockets of the other', async () => {
  const person = rig.person();
  const [here, there] = (await onBoth(person)) as [Client, Client];
  const { id } = await there.told(await topUp(person));
  await there.told(await topUp(person));
  await near.call('POST', `/v1/notifications/${id}/read`, { token: person.token });
  await far.call('POST', '/v1/notifications/read-all', { token: person.token });
  for (const client of [here, there]) {
    await client.heardOf('notifications:read', ({ all }) => all === true);
    expect(client.of('notifications:read')).toEqual([
      { name: 'notifications:read', ids: [id] },
      { name: 'notifications:read', all: true },
    ]);
  }
});

test('an event that comes again, early, or never, is told once, in its place', async () => {
  const person = rig.person();
  const client = near.connect(person);
  await client.ready();
  const first = await client.told(await topUp(person));
  const created = (version: number, id: string) => ({
    userId: person.id,
    version,
    unreadCount: version,
    live: true,
    notification: {
      ...first,
      id,
      type: 'payment_succeeded' as const,
      readAt: null,
      createdAt: '2026-11-23T08:00:00.000Z',
    },
  });
  await rig.say(NotificationCreated, created(1, first.id));
  // Two more are committed of which the event of the first is lost, as when a queue overflows.
  const [lost, early] = [await storeUnsaid(person, 2), await storeUnsaid(person, 3)];
  await rig.say(NotificationCreated, created(3, early));
  await until('both to be told', () => client.notifications().length >= 3);
  await rig.say(NotificationCreated, created(2, lost));
  await rig.say(NotificationsRead, {
    userId: person.id,
    version: 3,
    ids: [lost],
    all: false,
    unreadCount: 0,
    readAt: '2026-11-23T08:00:00.000Z',
  });
  await client.told(await topUp(person));
  expect(
    client
      .notifications()
      .slice(0, 3)
      .map(({ id }) => id),
  ).toEqual([first.id, lost, early]);
  expect(client.notifications()).toHaveLength(4);
  expect(client.of('notifications:read')).toEqual([]);
});

test('a replica that was cut off from the broker tells its sockets, once it is back, what they missed', async () => {
  const person = rig.person();
  const clients = (await onBoth(person)) as [Client, Client];
  const [here, there] = clients;
  for (let i = 0; i < 2; i++) await topUp(person);
  await allToHear(clients, 2);
  const before = await inOrder(person);
  line.cut();
  for (let i = 0; i < 3; i++) await topUp(person);
  await allToHear([here], 5);
  const { id } = here.notifications()[0] ?? { id: '' };
  await near.call('POST', `/v1/notifications/${id}/read`, { token: person.token });
  await here.heardOf('notifications:read', () => true);
  expect(topUpsOf(there)).toEqual(before);
  await until('the replica to be not ready', async () => (await far.call('GET', '/health/ready')).status === 503);

  line.mend();
  await there.heardOf('notifications:read', ({ ids }) => ids?.includes(id) === true);
  expect(topUpsOf(there)).toEqual(await inOrder(person));
  // What became out of date meanwhile nobody knows, so its pages read all of it again.
  await there.heardOf('changed', ({ what, id }) => what === 'subscription' && id === null);
  const all = (client: Client) => client.of('changed').filter(({ id }) => id === null);
  expect([all(here), all(there).map(({ what }) => what)]).toEqual([[], ['wallet', 'subscription']]);
  await topUp(person);
  await allToHear(clients, 6);
  for (const client of clients) {
    expect(topUpsOf(client)).toEqual(await inOrder(person));
    await client.heardOf('unread-count', () => client.of('unread-count').at(-1)?.unreadCount === 5);
  }
  expect(there.disconnects).toEqual([]);
  await until('the replica to be ready', async () => (await far.call('GET', '/health/ready')).status === 200);
});

test('when a replica stops, its clients go to another one and miss nothing', async () => {
  const person = rig.person();
  const leaving = await rig.startReplica();
  const client = leaving.connect(person, { reconnection: true, reconnectionDelay: 10 });
  await client.ready();
  const last = await client.told(await topUp(person));
  // Without the test's own hand: a client is sent away in a way that makes it come back.
  const startedAt = performance.now();
  await leaving.stopServer();
  expect(performance.now() - startedAt).toBeLessThan(5_000);
  expect(await client.disconnected()).toMatch(/^transport (close|error)$/);
  expect(client.socket.active).toBe(true);
  await Promise.all([topUp(person), topUp(person)]);
  const other = near.connect(person, { lastNotificationId: last.id });
  await until('both to be told', () => other.notifications().length >= 2);
  expect(topUpsOf(other)).toEqual((await inOrder(person)).slice(1));
});

/** Stores a notification as a batch does, and says nothing. */
async function storeUnsaid(person: Person, seq: number): Promise<string> {
  const id = uuidv7();
  await rig.pool.query(
    `WITH raised AS (UPDATE mailbox SET version = $3 WHERE user_id = $2)
     INSERT INTO notification
       (id, user_id, seq, type, kind, data, live, subject_id, subject_version, source_event_id, created_at)
     VALUES ($1, $2, $3, 'payment_succeeded', 'top_up', $4, true, $1, 1, $1, now())`,
    [id, person.id, seq, { topUpId: id, amount: 1, currency: 'USD', balanceAfter: 1 }],
  );
  return id;
}
