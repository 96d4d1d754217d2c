import { SubscriptionCanceled } from '@evergreen/contracts/events/subscriptions.ts';
import { BalanceToppedUp } from '@evergreen/contracts/events/wallet.ts';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import { MAX_SOCKETS_PER_USER } from '../src/sockets.ts';
import type { Client } from './client.ts';
import { ORIGIN, openRig, type Person, type Replica, type Rig, SERVICE_TOKEN, until } from './rig.ts';
import { subscription, toppedUp } from './sample.ts';

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

const gauge = async () => {
  const metrics = await (await fetch(`${notifier.url}/metrics`)).text();
  return Number(/^evergreen_notifier_sockets (\d+)$/m.exec(metrics)?.[1]);
};

describe('who may hold a socket', () => {
  test('without a token that counts, nobody', async () => {
    const expired = rig.person({ exp: Math.floor(Date.now() / 1_000) - 1 });
    for (const auth of [
      {},
      { token: 12 },
      { token: 'nonsense' },
      { token: expired.token },
      { token: rig.stranger().token },
    ]) {
      const client = notifier.connect(expired, { auth });
      expect((await client.refused()).data).toMatchObject({ status: 401, code: 'unauthenticated' });
      expect(client.heard).toEqual([]);
    }
  });

  test('a token in the query, or a user id beside the token, counts for nothing', async () => {
    const [person, victim] = [rig.person(), rig.person()];
    const inQuery = notifier.connect(person, { auth: {}, query: { token: person.token } });
    expect((await inQuery.refused()).data).toMatchObject({ code: 'unauthenticated' });
    const auth = { token: person.token, userId: victim.id, sub: victim.id };
    const client = await connected(person, { auth, query: { userId: victim.id } });
    const watcher = await connected(victim);
    const [theirs, own] = [toppedUp(victim.id), toppedUp(person.id)];
    await rig.say(BalanceToppedUp, theirs);
    await watcher.told(theirs.topUpId);
    await rig.say(BalanceToppedUp, own);
    await client.told(own.topUpId);
    expect(client.notifications()).toHaveLength(1);
  });

  test.each(['websocket', 'polling'])('a page of a foreign origin may not, over %s', async (transport) => {
    const person = rig.person();
    const from = (origin: string) => notifier.connect(person, { transports: [transport], extraHeaders: { origin } });
    for (const origin of ['https://evil.test', `${ORIGIN}.evil.test`, 'null', 'http://app.evergreen.test']) {
      const client = from(origin);
      await client.refused();
      expect(client.socket.connected).toBe(false);
      expect(client.heard).toEqual([]);
    }
    expect(notifier.log.filter(({ msg }) => msg === 'socket refused: foreign origin').length).toBeGreaterThan(3);
    await from(ORIGIN).ready();
    const handshake = await fetch(`${notifier.url}/socket.io/?EIO=4&transport=polling`, {
      headers: { origin: 'https://evil.test' },
    });
    expect([handshake.status, handshake.headers.get('access-control-allow-origin')]).toEqual([403, null]);
  });

  test('a last notification that is no id is refused, and says which field', async () => {
    const client = notifier.connect(rig.person(), { lastNotificationId: "'; --" });
    expect((await client.refused()).data).toMatchObject({
      code: 'validation_failed',
      errors: [{ field: 'auth.lastNotificationId' }],
    });
  });

  test('it closes when the token expires, and not before', async () => {
    const expiresAt = Math.floor(Date.now() / 1_000) + 2;
    const client = await connected(rig.person({ exp: expiresAt }));
    expect(await client.disconnected()).toBe('io server disconnect');
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAt * 1_000 - 5);
    expect(Date.now()).toBeLessThan(expiresAt * 1_000 + 1_000);
  });

  test('of many that come at once, one user holds no more than the limit', async () => {
    const person = rig.person();
    const clients = Array.from({ length: MAX_SOCKETS_PER_USER + 5 }, () => notifier.connect(person));
    await until('all to be answered', () =>
      clients.every(({ heard, refusals }) => heard.length > 0 || refusals.length > 0),
    );
    const refused = clients.filter(({ refusals }) => refusals.length > 0);
    expect(refused).toHaveLength(5);
    expect(refused.every(({ refusals }) => refusals[0]?.data?.code === 'rate_limited')).toBe(true);
    for (const client of clients) client.close();
    await until('room again', async () => {
      const client = notifier.connect(person);
      await until('an answer', () => client.heard.length > 0 || client.refusals.length > 0);
      return client.refusals.length === 0;
    });
  });

  test('one that sends more than a handshake needs is cut off', async () => {
    const client = await connected(rig.person());
    client.socket.emit('anything', 'x'.repeat(20_000));
    expect(await client.disconnected()).toMatch(/transport (close|error)/);
  });

  test('one that does not take what it is told is let go, not kept in memory', async () => {
    const person = rig.person();
    const idle = await openIdlePolling(person);
    const other = await connected(person);
    const planName = 'x'.repeat(50_000);
    for (let i = 0; i < 15; i++) await rig.say(SubscriptionCanceled, subscription(person.id, { planName }));
    await until('all to arrive elsewhere', () => other.notifications().length === 15);
    expect(other.disconnects).toEqual([]);
    const answer = await fetch(idle);
    expect([answer.status, await answer.json()]).toEqual([400, { code: 1, message: 'Session ID unknown' }]);
  });

  test('how many there are can be measured', async () => {
    const before = await gauge();
    const client = await connected(rig.person());
    expect(await gauge()).toBe(before + 1);
    client.close();
    await until('one less', async () => (await gauge()) === before);
  });
});

describe('who asks, and how', () => {
  test('every route needs a token', async () => {
    const expired = rig.person({ exp: Math.floor(Date.now() / 1_000) - 1 });
    for (const [method, path] of [
      ['GET', '/v1/notifications'],
      ['GET', '/v1/notifications/unread-count'],
      ['POST', `/v1/notifications/${uuidv7()}/read`],
      ['POST', '/v1/notifications/read-all'],
    ] as const) {
      for (const token of [undefined, 'nonsense', expired.token]) {
        const { status, body, headers } = await notifier.call(method, path, { token });
        expect([status, body.code]).toEqual([401, 'unauthenticated']);
        expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
      }
    }
  });

  test('bad input is answered with the field that is wrong', async () => {
    const { token } = rig.person();
    const bad: [string, string, unknown, string][] = [
      ['GET', '/v1/notifications?limit=0', undefined, 'query.limit'],
      ['GET', '/v1/notifications?limit=101', undefined, 'query.limit'],
      ['GET', '/v1/notifications?unread=maybe', undefined, 'query.unread'],
      ['GET', '/v1/notifications?type=spam', undefined, 'query.type'],
      ['GET', '/v1/notifications?cursor=%21%21', undefined, 'query.cursor'],
      ['GET', '/v1/notifications?page=2', undefined, 'query.page'],
      ['POST', '/v1/notifications/12/read', undefined, 'params.id'],
      ['POST', '/v1/notifications/read-all', { upTo: 'me' }, 'body.upTo'],
    ];
    for (const [method, path, body, field] of bad) {
      const answer = await notifier.call(method, path, { token, body });
      expect([path, answer.status, answer.body.code]).toEqual([path, 400, 'validation_failed']);
      expect(answer.body.errors[0].field).toBe(field);
    }
  });

  test('services see how busy it is, others do not', async () => {
    const open = await notifier.call('GET', '/internal/activity', { token: rig.person().token });
    expect(open.status).toBe(401);
    const person = rig.person();
    const client = await connected(person);
    const facts = toppedUp(person.id);
    await rig.say(BalanceToppedUp, facts);
    await client.told(facts.topUpId);
    const activity = async () => (await notifier.call('GET', '/internal/activity', { token: SERVICE_TOKEN })).body;
    await until('nothing to be left', async () => (await activity()).outbox === 0);
    expect(await activity()).toEqual({ outbox: 0, inFlight: 0, handled: expect.any(Number) });
    expect((await activity()).handled).toBeGreaterThan(0);
  });

  test('no log line holds a token or the text of a notification', () => {
    const log = JSON.stringify(notifier.log);
    expect(log).toMatch(/answered/);
    expect(log).not.toMatch(/eyJ|was added|Auto-renewal/);
  });
});

/** A client of its own making that is admitted and then never asks for anything; answers with where it would ask. */
async function openIdlePolling({ token }: Person): Promise<string> {
  const before = await gauge();
  const url = `${notifier.url}/socket.io/?EIO=4&transport=polling`;
  const handshake = await (await fetch(url)).text();
  const { sid } = JSON.parse(handshake.slice(1)) as { sid: string };
  await fetch(`${url}&sid=${sid}`, { method: 'POST', body: `40${JSON.stringify({ token })}` });
  await until('the idle client to be admitted', async () => (await gauge()) === before + 1);
  return `${url}&sid=${sid}`;
}
