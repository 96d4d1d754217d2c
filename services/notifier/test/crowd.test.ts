import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { BalanceToppedUp } from '@evergreen/contracts/events/wallet.ts';
import { repositoryRoot } from '@evergreen/stack/paths.ts';
import { claimPort } from '@evergreen/stack/ports.ts';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { MAX_UNADMITTED_PER_ADDRESS } from '../src/connection-counts.ts';
import { type Client, connectClient } from './client.ts';
import { ORIGIN, openRig, type Person, type Rig, until } from './rig.ts';
import { toppedUp } from './sample.ts';

/*
 * Many sockets on two replicas, and a replica that dies: nobody misses a notification, gets one twice, or gets another's.
 */

let rig: Rig;

beforeAll(async () => {
  rig = await openRig();
});
afterAll(() => rig.close());

const topUpsOf = (client: Client) => client.notifications().map(({ data }) => data.topUpId);

async function topUp({ id }: Person): Promise<string> {
  const facts = toppedUp(id);
  await rig.say(BalanceToppedUp, facts);
  return facts.topUpId;
}

test('1,000 sockets of 500 people on two replicas are told what is theirs, once and in order', async () => {
  const replicas = [await rig.startReplica(), await rig.startReplica()];
  const people = Array.from({ length: 500 }, () => rig.person());
  const clients = new Map<Person, Client[]>();
  // As many at a time as one address may have waiting.
  const step = MAX_UNADMITTED_PER_ADDRESS / replicas.length;
  for (let from = 0; from < people.length; from += step) {
    const some = people.slice(from, from + step);
    for (const person of some)
      clients.set(
        person,
        replicas.map((replica) => replica.connect(person)),
      );
    const coming = some.flatMap((person) => clients.get(person) ?? []);
    await until('all to be ready', () => coming.every((client) => client.of('unread-count').length > 0), 30_000);
  }
  const open = [...clients.values()].flat();
  expect(open).toHaveLength(1_000);
  expect(open.every(({ socket }) => socket.connected)).toBe(true);

  const said = [people, people].map((round) => round.map(({ id }) => toppedUp(id)));
  for (const round of said) await rig.sayAll(BalanceToppedUp, round);
  const told = new Map(people.map((person, index) => [person, said.map((round) => round[index]?.topUpId ?? '')]));
  await until('everybody to hear of all', () => open.every((client) => client.notifications().length >= 2), 30_000);
  const { rows } = await rig.pool.query<{ userId: string; ids: string[] }>(
    `SELECT user_id AS "userId", array_agg(data->>'topUpId' ORDER BY seq) AS ids FROM notification GROUP BY user_id`,
  );
  const stored = new Map(rows.map(({ userId, ids }) => [userId, ids]));
  for (const [person, own] of clients) {
    expect([...(stored.get(person.id) ?? [])].sort()).toEqual(told.get(person)?.sort());
    for (const client of own) {
      expect(topUpsOf(client)).toEqual(stored.get(person.id));
      expect(client.of('unread-count').at(-1)).toEqual({ name: 'unread-count', unreadCount: 2 });
      expect(client.of('changed').every(({ id }) => told.get(person)?.includes(id ?? ''))).toBe(true);
      expect([client.disconnects, client.refusals]).toEqual([[], []]);
    }
  }
  await Promise.all(replicas.map((replica) => replica.stop()));
}, 60_000);

test('killed with kill -9 while notifications pour in, a replica comes back and its clients miss none', async () => {
  const jwks = await serveJwks();
  const port = await claimPort();
  let server = await startProcess(port, jwks.url);
  const people = Array.from({ length: 5 }, () => rig.person());
  const clients = people.map((person) => comesBack(`http://127.0.0.1:${port}`, person));
  try {
    await Promise.all(clients.map((client) => client.ready()));
    const pouring = (async () => {
      for (let i = 0; i < 40; i++) await Promise.all(people.map(topUp));
    })();
    await until('some to be told', () => clients.every((client) => client.notifications().length >= 3));
    const died = once(server, 'exit');
    server.kill('SIGKILL');
    await died;
    await until('all to notice', () => clients.every(({ disconnects }) => disconnects.length > 0));
    server = await startProcess(port, jwks.url);
    await pouring;
    await until('all to be told', () => clients.every((client) => client.notifications().length >= 40), 20_000);
    for (const [index, client] of clients.entries()) {
      const { rows } = await rig.pool.query(
        `SELECT data->>'topUpId' AS id FROM notification WHERE user_id = $1 ORDER BY seq`,
        [people[index]?.id],
      );
      expect(topUpsOf(client)).toEqual(rows.map(({ id }) => id));
      expect(client.notifications()).toHaveLength(40);
    }
  } finally {
    for (const client of clients) client.close();
    server.kill('SIGKILL');
    jwks.close();
  }
}, 60_000);

/** A client as a page has it: it comes back by itself, and says what it saw last. */
function comesBack(url: string, { token }: Person): Client {
  const client: Client = connectClient(url, token, {
    reconnection: true,
    reconnectionDelay: 50,
    reconnectionDelayMax: 200,
    auth: (answer: (auth: object) => void) =>
      answer({
        token,
        lastNotificationId: client.notifications().at(-1)?.id ?? '00000000-0000-0000-0000-000000000000',
      }),
  });
  return client;
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Serves the keys of the tests as auth serves its own. */
async function serveJwks() {
  const server = createServer((_request, answer) => answer.end(JSON.stringify(rig.jwks())));
  const port = await listening(server);
  return { url: `http://127.0.0.1:${port}`, close: () => server.close() };
}

/** The notifier as a process of its own, ready to be connected to. */
async function startProcess(port: number, jwksUrl: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [join(repositoryRoot, 'services/notifier/src/main.ts')], {
    env: {
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: join(repositoryRoot, '.evergreen/compile-cache'),
      DATABASE_URL: rig.databaseUrl,
      AMQP_URL: rig.amqpUrl,
      AUTH_JWKS_URL: jwksUrl,
      ALLOWED_ORIGINS: ORIGIN,
      LOG_LEVEL: 'warn',
      PORT: String(port),
    },
    stdio: 'ignore',
  });
  await until('the process to be ready', async () => (await fetch(`http://127.0.0.1:${port}/health/ready`)).ok, 20_000);
  return child;
}
