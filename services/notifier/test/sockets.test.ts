import { SubscriptionPendingRenewal, SubscriptionRequested } from '@evergreen/contracts/events/subscriptions.ts';
import { BalanceToppedUp, ChargeFailed, ChargeSucceeded } from '@evergreen/contracts/events/wallet.ts';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import { HANDSHAKE_TIMEOUT_MS, MAX_SOCKETS_PER_USER } from '../src/sockets.ts';
import type { Client, Heard } from './client.ts';
import { openRawClient } from './raw-client.ts';
import { openRig, type Person, type Replica, type Rig, until } from './rig.ts';
import { charged, chargeFailed, due, subscription, toppedUp } from './sample.ts';

let rig: Rig;
let notifier: Replica;

beforeAll(async () => {
  rig = await openRig();
  notifier = await rig.startReplica();
});
afterAll(() => rig.close());

async function connected(person: Person, options = {}): Promise<Client> {
  const client = notifier.connect(person, options);
  await client.ready();
  return client;
}

/** Tops up once and waits until the client was told. Sockets are told in order, so all before it was told too. */
async function topUpAndHear(person: Person, client: Client): Promise<Heard & { name: 'notification' }> {
  const { topUpId } = await topUp(person);
  return client.told(topUpId);
}

async function topUp(person: Person): Promise<{ topUpId: string }> {
  const facts = toppedUp(person.id);
  await rig.say(BalanceToppedUp, facts);
  return facts;
}

const topUpsOf = (client: Client) => client.notifications().map(({ data }) => data.topUpId);
const mark = (person: Person, path: string, body?: unknown) =>
  notifier.call('POST', `/v1/notifications/${path}`, { token: person.token, body });

describe('what a socket is told', () => {
  test.each(['websocket', 'polling'])(
    'a new notification, as it is listed, and the count, over %s',
    async (transport) => {
      const person = rig.person();
      await rig.register(person, { locale: 'ru', timeZone: 'Asia/Tokyo' });
      const client = await connected(person, { transports: [transport] });
      expect(client.heard).toEqual([{ name: 'unread-count', unreadCount: 0 }]);
      const facts = chargeFailed(person.id);
      await rig.say(ChargeFailed, facts);
      await client.heardOf('unread-count', ({ unreadCount }) => unreadCount === 1);
      const { data } = (await notifier.call('GET', '/v1/notifications', { token: person.token })).body;
      expect(client.heard.slice(1).filter(({ name }) => name !== 'changed')).toEqual([
        { name: 'notification', ...data[0] },
        { name: 'unread-count', unreadCount: 1 },
      ]);
      expect(data[0].data.chargeId).toBe(facts.chargeId);
      expect(data[0].title).toBe('Недостаточно средств на балансе');
    },
  );

  test('that open pages are out of date, once more where another service may act a moment later', async () => {
    const person = rig.person();
    const client = await connected(person);
    const facts = { topUp: toppedUp(person.id), charge: charged(person.id), subscription: subscription(person.id) };
    await rig.say(BalanceToppedUp, facts.topUp);
    await rig.say(ChargeSucceeded, facts.charge);
    await rig.say(SubscriptionPendingRenewal, facts.subscription);
    await client.heardOf('changed', ({ what }) => what === 'subscription');
    expect(client.of('changed')).toEqual([
      { name: 'changed', what: 'wallet', id: facts.topUp.topUpId },
      { name: 'changed', what: 'wallet', id: facts.charge.chargeId },
      { name: 'changed', what: 'subscription', id: facts.subscription.subscriptionId },
    ]);
    const [asked, failed] = [due(person.id), chargeFailed(person.id)];
    await rig.say(SubscriptionRequested, asked);
    await rig.say(ChargeFailed, failed);
    await until('three more', () => client.of('changed').length >= 6);
    const ids = client.of('changed').map(({ id }) => id);
    expect(ids.slice(3)).toEqual([asked.charge.subscriptionId, failed.subscriptionId, failed.subscriptionId]);
  });

  test('what was marked read in another tab, and nothing when nothing changed', async () => {
    const person = rig.person();
    const [one, other] = [await connected(person), await connected(person)];
    const first = await topUpAndHear(person, one);
    const second = await topUpAndHear(person, one);
    await topUpAndHear(person, one);
    await mark(person, `${first.id}/read`);
    await mark(person, `${first.id}/read`);
    await mark(person, 'read-all', { upTo: second.id });
    await mark(person, 'read-all');
    await mark(person, 'read-all');
    const fourth = await topUpAndHear(person, one);
    await mark(person, `${fourth.id}/read`);
    for (const client of [one, other]) {
      await until('nine counts', () => client.of('unread-count').length === 9);
      expect(client.of('unread-count').map(({ unreadCount }) => unreadCount)).toEqual([0, 1, 2, 3, 2, 1, 0, 1, 0]);
      expect(client.of('notifications:read')).toEqual([
        { name: 'notifications:read', ids: [first.id] },
        { name: 'notifications:read', ids: [second.id] },
        { name: 'notifications:read', all: true },
        { name: 'notifications:read', ids: [fourth.id] },
      ]);
    }
  });

  test('counts that add up, however marks and new ones meet', async () => {
    const person = rig.person();
    const client = await connected(person);
    const old: string[] = [];
    for (let i = 0; i < 20; i++) old.push((await topUpAndHear(person, client)).id);
    await Promise.all(old.flatMap((id) => [mark(person, `${id}/read`), topUp(person)]));
    await until(
      'all to be told',
      () => client.notifications().length === 40 && client.of('unread-count').length === 61,
    );
    let unread = 0;
    for (const one of client.heard) {
      if (one.name === 'notification') unread++;
      else if (one.name === 'notifications:read') unread -= one.ids?.length ?? unread;
      else if (one.name === 'unread-count') expect(one.unreadCount).toBe(unread);
    }
    expect(unread).toBe(20);
  });

  test('nothing of anybody else', async () => {
    const people = Array.from({ length: 5 }, () => rig.person());
    const clients = await Promise.all(people.map((person) => connected(person)));
    const own = await Promise.all(
      people.map(async (person) => [await topUp(person), await topUp(person), await topUp(person)]),
    );
    for (const [index, client] of clients.entries()) {
      const wanted = (own[index] ?? []).map(({ topUpId }) => topUpId);
      await until('three notifications', () => client.notifications().length >= 3);
      expect(topUpsOf(client).sort()).toEqual(wanted.sort());
      expect(client.of('changed').every(({ id }) => wanted.includes(id ?? ''))).toBe(true);
    }
  });
});

describe('coming back', () => {
  test('a client gets what it missed, oldest first, once, and what was read meanwhile', async () => {
    const person = rig.person();
    const first = await connected(person);
    const seen = [await topUpAndHear(person, first), await topUpAndHear(person, first)];
    const lastSeen = seen[1]?.id;
    first.close();
    const missed = [await topUp(person), await topUp(person), await topUp(person)].map(({ topUpId }) => topUpId);
    await mark(person, `${seen[0]?.id}/read`);
    await until('all to be stored', async () => (await stored(person)) === 5);
    const again = await connected(person, { lastNotificationId: lastSeen });
    expect(topUpsOf(again)).toEqual(missed);
    expect(again.heard.slice(3)).toEqual([
      { name: 'notifications:read', ids: [seen[0]?.id] },
      { name: 'unread-count', unreadCount: 4 },
    ]);
    const next = await topUpAndHear(person, again);
    expect(topUpsOf(again)).toEqual([...missed, next.data.topUpId]);
  });

  test('a client that saw everything, or names what is not its own, gets nothing old', async () => {
    const [person, other] = [rig.person(), rig.person()];
    const client = await connected(person);
    const own = await topUpAndHear(person, client);
    const foreign = await topUpAndHear(other, await connected(other));
    for (const lastNotificationId of [own.id, foreign.id, uuidv7(), undefined]) {
      const again = await connected(person, { lastNotificationId });
      expect(again.heard).toEqual([{ name: 'unread-count', unreadCount: 1 }]);
    }
  });

  test('after a long absence it gets the newest hundred', async () => {
    const person = rig.person();
    const client = await connected(person);
    const { id } = await topUpAndHear(person, client);
    client.close();
    const missed = Array.from({ length: 130 }, () => toppedUp(person.id));
    for (const facts of missed) await rig.say(BalanceToppedUp, facts);
    await until('all to be stored', async () => (await stored(person)) === 131);
    const again = await connected(person, { lastNotificationId: id });
    const { rows } = await rig.pool.query(
      `SELECT data->>'topUpId' AS id FROM notification WHERE user_id = $1 ORDER BY seq DESC LIMIT 100`,
      [person.id],
    );
    expect(topUpsOf(again)).toEqual(rows.map((row) => row.id).reverse());
  });

  test('coming and going while notifications pour in, it misses none and gets none twice', async () => {
    const person = rig.person();
    await topUp(person);
    await until('the first to be stored', async () => (await stored(person)) === 1);
    const total = 200;
    const { rows: first } = await rig.pool.query('SELECT id FROM notification WHERE user_id = $1', [person.id]);
    const pouring = (async () => {
      for (let i = 0; i < total; i++) await topUp(person);
    })();
    const seen: string[] = [first[0].id];
    let sessions = 0;
    for (; seen.length < total + 1; sessions++) {
      const client = notifier.connect(person, { lastNotificationId: seen.at(-1) });
      // Some leave before they have caught up, others after a few that came live.
      if (sessions % 5 !== 0) await client.ready();
      const enough = Math.min(sessions % 7, total + 1 - seen.length);
      await until('a few', () => client.socket.connected && client.notifications().length >= enough);
      client.close();
      seen.push(...client.notifications().map(({ id }) => id));
    }
    await pouring;
    const { rows } = await rig.pool.query('SELECT id FROM notification WHERE user_id = $1 ORDER BY seq', [person.id]);
    expect(seen).toEqual(rows.map(({ id }) => id));
    expect(sessions).toBeGreaterThan(10);
  });
});

const openRaw = () => openRawClient(notifier.url);

describe('a connection ends with its socket', () => {
  test('one whose client leaves the namespace but stays, over websocket', async () => {
    const person = rig.person();
    const [leaver, stayer] = [await openRaw(), await openRaw()];
    await Promise.all([leaver.join(person.token), stayer.join(person.token)]);
    const told = leaver.packets.length;
    leaver.send('41');
    await until('the connection to be closed', () => leaver.closedAt() !== undefined, 5_000);
    expect(leaver.packets).toHaveLength(told);
    expect(stayer.closedAt()).toBeUndefined();
    stayer.close();
  });

  test('one whose client leaves the namespace with things still unsent, over polling', async () => {
    const { token } = rig.person();
    const url = `${notifier.url}/socket.io/?EIO=4&transport=polling`;
    const { sid } = JSON.parse((await (await fetch(url)).text()).slice(1)) as { sid: string };
    const post = (body: string) => fetch(`${url}&sid=${sid}`, { method: 'POST', body });
    expect((await post(`40${JSON.stringify({ token })}`)).status).toBe(200);
    // It never asks for what it is told, so the first packets wait for it.
    expect((await post('41')).status).toBe(200);
    await until('the session to be unknown', async () => (await post('3')).status === 400, 5_000);
    expect(await (await post('3')).json()).toEqual({ code: 1, message: 'Session ID unknown' });
  });

  test('so the limit of one user counts every connection', async () => {
    const person = rig.person();
    const raw = await Promise.all(Array.from({ length: MAX_SOCKETS_PER_USER }, openRaw));
    await Promise.all(raw.map((client) => client.join(person.token)));
    const refused = notifier.connect(person);
    expect((await refused.refused()).data?.code).toBe('rate_limited');
    for (const client of raw) client.send('41');
    await until('all to be closed', () => raw.every(({ closedAt }) => closedAt() !== undefined), 5_000);
    const again = await connected(person);
    expect(again.socket.connected).toBe(true);
  });

  test('one whose token expires, with its transport', async () => {
    const raw = await openRaw();
    await raw.join(rig.person({ exp: Math.floor(Date.now() / 1_000) + 2 }).token);
    await until('the connection to be closed', () => raw.closedAt() !== undefined, 5_000);
    expect(raw.packets.at(-1)).toBe('41');
  });

  test('one that is never admitted, silent or refused again and again', async () => {
    const [silent, refused] = [await openRaw(), await openRaw()];
    const knocking = setInterval(() => refused.send(`40${JSON.stringify({ token: 'nonsense' })}`), 1_000);
    try {
      for (const { closedAt, openedAt } of [silent, refused]) {
        await until('the connection to be closed', () => closedAt() !== undefined, HANDSHAKE_TIMEOUT_MS + 5_000);
        expect((closedAt() ?? 0) - openedAt).toBeGreaterThan(HANDSHAKE_TIMEOUT_MS - 1_000);
      }
      expect(refused.packets.filter((packet) => packet.startsWith('44')).length).toBeGreaterThan(5);
    } finally {
      clearInterval(knocking);
    }
  });
});

const stored = async ({ id }: Person): Promise<number> =>
  (await rig.pool.query('SELECT 1 FROM notification WHERE user_id = $1', [id])).rowCount ?? 0;
