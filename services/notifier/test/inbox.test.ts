import { UserRegistered, UserUpdated } from '@evergreen/contracts/events/auth.ts';
import {
  ClockAdvanced,
  SubscriptionCanceled,
  SubscriptionExpired,
  SubscriptionExpiring,
  SubscriptionRenewed,
} from '@evergreen/contracts/events/subscriptions.ts';
import { BalanceToppedUp, ChargeFailed, ChargeSucceeded, TopUpFailed } from '@evergreen/contracts/events/wallet.ts';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import { type Body, openRig, type Person, type Replica, type Rig, until } from './rig.ts';
import { charged, chargeFailed, expiring, subscription, toppedUp, topUpFailed } from './sample.ts';

let rig: Rig;
let notifier: Replica;

beforeAll(async () => {
  rig = await openRig();
  notifier = await rig.startReplica();
});
afterAll(() => rig.close());

const list = async (person: Person, query = ''): Promise<Body> =>
  (await notifier.call('GET', `/v1/notifications${query}`, { token: person.token })).body;

const unreadCount = async (person: Person): Promise<number> =>
  (await notifier.call('GET', '/v1/notifications/unread-count', { token: person.token })).body.unreadCount;

/** Waits until so many are listed, and answers with them. */
async function listed(person: Person, count: number): Promise<Body[]> {
  await until(`${count} notifications`, async () => (await list(person, '?limit=100')).data.length >= count);
  return (await list(person, '?limit=100')).data;
}

/** Somebody with so many notifications of top-ups, newest first. */
async function personWith(count: number): Promise<{ person: Person; newestFirst: Body[] }> {
  const person = rig.person();
  for (let i = 0; i < count; i++) await rig.say(BalanceToppedUp, toppedUp(person.id));
  return { person, newestFirst: await listed(person, count) };
}

/** What is said to the sockets of a user, by everything that was committed so far. */
async function nothingLeftToSay(): Promise<void> {
  await until('the outbox to be empty', async () => (await rig.pool.query('SELECT 1 FROM outbox')).rowCount === 0);
}

describe('from an event to a notification', () => {
  test('it is stored as facts, and read in the language, format and time zone of the account', async () => {
    const person = rig.person({ zoneinfo: 'UTC' });
    await rig.register(person, { timeZone: 'Asia/Tokyo', locale: 'en-GB' });
    const facts = subscription(person.id, { accessUntil: '2026-12-22T16:00:00.000Z' });
    const eventId = await rig.say(SubscriptionCanceled, facts);
    const [notification] = await listed(person, 1);
    expect(notification).toEqual({
      id: expect.any(String),
      type: 'expiry_notice',
      title: 'Auto-renewal is off',
      body: 'Monthly is yours until 23 December 2026, and does not renew after that.',
      data: {
        kind: 'canceled',
        subscriptionId: facts.subscriptionId,
        planId: facts.planId,
        planName: 'Monthly',
        accessUntil: '2026-12-22T16:00:00.000Z',
      },
      readAt: null,
      createdAt: '2026-11-23T08:00:00.000Z',
    });
    const { rows } = await rig.pool.query('SELECT * FROM notification WHERE id = $1', [notification.id]);
    expect(rows[0]).toMatchObject({ kind: 'canceled', source_event_id: eventId, data: { planName: 'Monthly' } });
    expect(JSON.stringify(rows[0])).not.toMatch(/renewal/i);
  });

  test('without an account we have heard of, the token says how to read', async () => {
    const person = rig.person({ zoneinfo: 'Asia/Tokyo', locale: 'en-GB' });
    await rig.say(SubscriptionCanceled, subscription(person.id, { accessUntil: '2026-12-22T16:00:00.000Z' }));
    const [notification] = await listed(person, 1);
    expect(notification.body).toMatch(/until 23 December 2026/);
  });

  test('an account that changes is read in its new language and zone; an older version never overrides a newer one', async () => {
    const person = rig.person();
    const account = { userId: person.id, email: 'a@b.test', role: 'customer' as const, locale: 'en' };
    // Out of order, as a redelivery brings them: what came last was first.
    await rig.say(UserUpdated, { ...account, timeZone: 'Europe/Paris', version: 2 });
    await rig.say(UserUpdated, { ...account, timeZone: 'Asia/Tokyo', locale: 'ru-RU', version: 4 });
    await rig.say(UserUpdated, { ...account, timeZone: 'Europe/Rome', version: 3 });
    await rig.say(UserRegistered, { ...account, timeZone: 'UTC', version: 1 });
    const marker = rig.person();
    await rig.register(marker);
    const { rows } = await rig.pool.query('SELECT time_zone, locale, version FROM account WHERE user_id = $1', [
      person.id,
    ]);
    expect(rows).toEqual([{ time_zone: 'Asia/Tokyo', locale: 'ru-RU', version: 4 }]);
    await rig.say(SubscriptionCanceled, subscription(person.id, { accessUntil: '2026-12-22T16:00:00.000Z' }));
    const [notification] = await listed(person, 1);
    expect(notification.body).toMatch(/до 23 декабря 2026 года/);
  });

  test('each fact is told once, said again under the same id or another', async () => {
    const person = rig.person();
    const topUp = toppedUp(person.id);
    const charge = charged(person.id);
    const eventId = uuidv7();
    for (let i = 0; i < 5; i++) await rig.say(BalanceToppedUp, topUp, eventId);
    for (let i = 0; i < 5; i++) await rig.say(ChargeSucceeded, charge);
    await rig.say(SubscriptionRenewed, subscription(person.id, { status: 'active' }));
    await rig.say(TopUpFailed, topUpFailed(person.id));
    const told = await listed(person, 3);
    expect(told.map(({ data }) => data.kind)).toEqual(['top_up', 'charge', 'top_up']);
    expect(told.map(({ type }) => type)).toEqual(['charge_failed', 'payment_succeeded', 'payment_succeeded']);
    expect(await unreadCount(person)).toBe(3);
  });

  test('two replicas that get the same facts at the same time tell each once', async () => {
    const other = await rig.startReplica();
    const people = Array.from({ length: 4 }, () => rig.person());
    const topUps = Array.from({ length: 60 }, (_, index) => toppedUp((people[index % 4] as Person).id));
    await Promise.all([...topUps, ...topUps, ...topUps].map((topUp) => rig.say(BalanceToppedUp, topUp)));
    const marker = rig.person();
    await rig.say(BalanceToppedUp, toppedUp(marker.id));
    await listed(marker, 1);
    for (const person of people) {
      const told = await listed(person, 15);
      expect(new Set(told.map(({ data }) => data.topUpId)).size).toBe(15);
      expect(told).toHaveLength(15);
      const { rows } = await rig.pool.query('SELECT seq FROM notification WHERE user_id = $1 ORDER BY seq', [
        person.id,
      ]);
      expect(rows.map(({ seq }) => Number(seq))).toEqual(Array.from({ length: 15 }, (_, index) => index + 1));
    }
    await other.stop();
  });

  test('a failure that arrives after the success it was followed by is not told', async () => {
    const person = rig.person();
    const chargeId = uuidv7();
    await rig.say(ChargeSucceeded, charged(person.id, chargeId, 2));
    await listed(person, 1);
    await rig.say(ChargeFailed, chargeFailed(person.id, chargeId, 1));
    await rig.say(BalanceToppedUp, toppedUp(person.id));
    const told = await listed(person, 2);
    expect(told.map(({ type }) => type)).toEqual(['payment_succeeded', 'payment_succeeded']);
  });

  test('a notice is told once, and not after the end it speaks of', async () => {
    const person = rig.person();
    const [ahead, late] = [expiring(person.id, { version: 4 }), expiring(person.id, { version: 4 })];
    for (let i = 0; i < 3; i++) await rig.say(SubscriptionExpiring, ahead);
    const { subscriptionId } = late;
    await rig.say(SubscriptionExpired, subscription(person.id, { subscriptionId, status: 'expired', version: 5 }));
    await rig.say(SubscriptionExpiring, late);
    await rig.say(SubscriptionExpiring, expiring(person.id, { subscriptionId, notice: 'grace', version: 6 }));
    const told = await listed(person, 3);
    expect(told.map(({ type, data }) => [type, data.kind])).toEqual([
      ['expiry_notice', 'grace'],
      ['expiry_notice', 'expired'],
      ['expiry_notice', 'renewal'],
    ]);
    expect(told[2]).toMatchObject({ data: { subscriptionId: ahead.subscriptionId, nextPlanName: null } });
  });

  test('a message that is no event of ours goes to the dead-letter queue, and its neighbours go on', async () => {
    const person = rig.person();
    const dead = async () => (await rig.depths('notifier.inbox.dead'))[0]?.ready ?? 0;
    const before = await dead();
    await rig.sayRaw(BalanceToppedUp.type, '{"type":"evergreen.wallet.BalanceToppedUp.v1","data":{}}');
    await rig.sayRaw('evergreen.wallet.BalanceToppedUp.v9', '{"type":"evergreen.wallet.BalanceToppedUp.v9"}');
    await rig.say(BalanceToppedUp, toppedUp(person.id));
    await listed(person, 1);
    await until('two dead letters', async () => (await dead()) === before + 2);
    expect(notifier.log.filter(({ msg }) => msg === 'message dead-lettered').map(({ reason }) => reason)).toEqual([
      'invalid',
      'unknown_version',
    ]);
  });
});

describe('the list', () => {
  test('it is newest first, by type, by unread, and page after page without gaps', async () => {
    const person = rig.person();
    const said: string[] = [];
    for (let i = 0; i < 7; i++) {
      const topUp = toppedUp(person.id);
      const charge = chargeFailed(person.id);
      await rig.say(BalanceToppedUp, topUp);
      await rig.say(ChargeFailed, charge);
      said.unshift(charge.chargeId, topUp.topUpId);
    }
    const idOf = ({ data }: Body) => data.chargeId ?? data.topUpId;
    await listed(person, 14);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Body = await list(person, `?limit=4${cursor ? `&cursor=${cursor}` : ''}`);
      expect(page.data.length).toBeLessThanOrEqual(4);
      seen.push(...page.data.map(idOf));
      cursor = page.nextCursor;
    } while (cursor);
    expect(seen).toEqual(said);

    const failed = await list(person, '?type=charge_failed&limit=100');
    expect(failed.data.map(idOf)).toEqual(said.filter((_, index) => index % 2 === 0));
    await notifier.call('POST', `/v1/notifications/${failed.data[0].id}/read`, { token: person.token });
    expect((await list(person, '?unread=true&limit=100')).data).toHaveLength(13);
    expect((await list(person, '?unread=false')).data.map(({ id }: Body) => id)).toEqual([failed.data[0].id]);
    expect((await list(person, '?unread=true&type=charge_failed')).data).toHaveLength(6);
  });

  test('somebody without notifications has an empty one', async () => {
    const person = rig.person();
    expect(await list(person)).toEqual({ data: [], nextCursor: null });
    expect(await unreadCount(person)).toBe(0);
    const { status, body } = await notifier.call('POST', '/v1/notifications/read-all', { token: person.token });
    expect([status, body]).toEqual([200, { unreadCount: 0 }]);
  });
});

describe('marking', () => {
  test('one is marked with the business time, once, and the others stay', async () => {
    await rig.say(ClockAdvanced, { offsetMs: 3_600_000_000, now: '2027-01-04T00:00:00.000Z' });
    await rig.say(ClockAdvanced, { offsetMs: 1_000, now: '2026-11-23T08:00:01.000Z' });
    await until('the clock to be moved', async () => {
      const { rows } = await rig.pool.query('SELECT offset_ms::float8 AS offset FROM billing_clock');
      return rows[0]?.offset === 3_600_000_000;
    });
    const { person, newestFirst } = await personWith(2);
    const path = `/v1/notifications/${newestFirst[0].id}/read`;
    const first = await notifier.call('POST', path, { token: person.token });
    expect(first.status).toBe(200);
    expect(first.body).toEqual({ ...newestFirst[0], readAt: expect.any(String) });
    expect(Date.parse(first.body.readAt) - Date.now()).toBeGreaterThan(3_500_000_000);
    const again = await notifier.call('POST', path, { token: person.token });
    expect(again.body).toEqual(first.body);
    expect(await unreadCount(person)).toBe(1);
    await nothingLeftToSay();
    const { rows } = await rig.pool.query('SELECT version FROM mailbox WHERE user_id = $1', [person.id]);
    expect(Number(rows[0].version)).toBe(3);
  });

  test('of many who mark the same one at the same time, one is told of', async () => {
    const { person, newestFirst } = await personWith(1);
    const path = `/v1/notifications/${newestFirst[0].id}/read`;
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => notifier.call('POST', path, { token: person.token })),
    );
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.readAt}`)).size).toBe(1);
    const { rows } = await rig.pool.query('SELECT version FROM mailbox WHERE user_id = $1', [person.id]);
    expect(Number(rows[0].version)).toBe(2);
  });

  test('all are marked up to the newest the client has seen; without one, all', async () => {
    const { person, newestFirst } = await personWith(5);
    const upTo = newestFirst[2].id;
    const some = await notifier.call('POST', '/v1/notifications/read-all', { token: person.token, body: { upTo } });
    expect([some.status, some.body]).toEqual([200, { unreadCount: 2 }]);
    const unread = (await list(person, '?unread=true')).data.map(({ id }: Body) => id);
    expect(unread).toEqual([newestFirst[0].id, newestFirst[1].id]);
    const all = await notifier.call('POST', '/v1/notifications/read-all', { token: person.token, body: {} });
    expect(all.body).toEqual({ unreadCount: 0 });
    expect((await list(person, '?unread=true')).data).toEqual([]);
  });

  test('what is somebody else’s, or nobody’s, is not found and stays as it is', async () => {
    const { person, newestFirst } = await personWith(1);
    const stranger = rig.person();
    for (const [token, id] of [
      [stranger.token, newestFirst[0].id],
      [person.token, uuidv7()],
    ]) {
      const one = await notifier.call('POST', `/v1/notifications/${id}/read`, { token });
      expect([one.status, one.body.code]).toEqual([404, 'not_found']);
      const all = await notifier.call('POST', '/v1/notifications/read-all', { token, body: { upTo: id } });
      expect([all.status, all.body.code]).toEqual([404, 'not_found']);
    }
    expect(await unreadCount(person)).toBe(1);
    expect(await list(stranger)).toEqual({ data: [], nextCursor: null });
  });
});
