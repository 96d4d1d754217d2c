import { SubscriptionCanceled } from '@evergreen/contracts/events/subscriptions.ts';
import { BalanceToppedUp, ChargeFailed, ChargeSucceeded } from '@evergreen/contracts/events/wallet.ts';
import type { NotificationPreferences } from '@evergreen/contracts/http/notifications.ts';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import { type Body, openRig, type Person, type Replica, type Rig, until } from './rig.ts';
import { charged, chargeFailed, subscription, toppedUp } from './sample.ts';

const PATH = '/v1/notifications/preferences';
const EVERYTHING: NotificationPreferences = {
  payment_succeeded: { inbox: true, live: true },
  charge_failed: { inbox: true, live: true },
  expiry_notice: { inbox: true, live: true },
};

let rig: Rig;
let notifier: Replica;

beforeAll(async () => {
  rig = await openRig();
  notifier = await rig.startReplica();
});
afterAll(() => rig.close());

const read = async ({ token }: Person): Promise<Body> => (await notifier.call('GET', PATH, { token })).body;

async function choose(person: Person, chosen: Partial<NotificationPreferences>): Promise<void> {
  const body = { ...EVERYTHING, ...chosen };
  const answer = await notifier.call('PUT', PATH, { token: person.token, body });
  expect([answer.status, answer.body]).toEqual([200, body]);
}

const list = async ({ token }: Person): Promise<Body[]> =>
  (await notifier.call('GET', '/v1/notifications?limit=100', { token })).body.data;

/** Waits until so many are listed, and answers with their kinds, newest first. */
async function listed(person: Person, count: number): Promise<string[]> {
  await until(`${count} notifications`, async () => (await list(person)).length >= count);
  return (await list(person)).map(({ type, data }) => `${type} ${data.kind}`);
}

describe('the choice', () => {
  test('it is everything at first, is kept, and is everybody’s own', async () => {
    const [person, other] = [rig.person(), rig.person()];
    expect(await read(person)).toEqual(EVERYTHING);
    await choose(person, { expiry_notice: { inbox: false, live: true } });
    await choose(person, { payment_succeeded: { inbox: true, live: false } });
    const chosen = { ...EVERYTHING, payment_succeeded: { inbox: true, live: false } };
    expect([await read(person), await read(other)]).toEqual([chosen, EVERYTHING]);
  });

  test('what makes no sense is refused with the field that is wrong, and changes nothing', async () => {
    const person = rig.person();
    const { payment_succeeded: _, ...incomplete } = EVERYTHING;
    const bad: [unknown, string][] = [
      [{ ...EVERYTHING, charge_failed: { inbox: false, live: true } }, 'body.charge_failed.inbox'],
      [{ ...EVERYTHING, payment_succeeded: { inbox: 'no', live: true } }, 'body.payment_succeeded.inbox'],
      [{ ...EVERYTHING, expiry_notice: { inbox: true } }, 'body.expiry_notice.live'],
      [{ ...EVERYTHING, expiry_notice: { inbox: true, live: true, email: true } }, 'body.expiry_notice.email'],
      [{ ...EVERYTHING, news: { inbox: true, live: true } }, 'body.news'],
      [incomplete, 'body.payment_succeeded'],
      [[], 'body'],
    ];
    for (const [body, field] of bad) {
      const answer = await notifier.call('PUT', PATH, { token: person.token, body });
      expect([answer.status, answer.body.code, answer.body.errors[0].field]).toEqual([400, 'validation_failed', field]);
    }
    expect(await read(person)).toEqual(EVERYTHING);
    for (const method of ['GET', 'PUT']) expect((await notifier.call(method, PATH, {})).status).toBe(401);
  });

  test('the database itself keeps failed payments in the inbox', async () => {
    const muting = `INSERT INTO preference (user_id, type, inbox, live) VALUES ($1, 'charge_failed', false, true)`;
    await expect(rig.pool.query(muting, [rig.person().id])).rejects.toThrow(/preference_failures_are_told/);
  });
});

describe('what it changes', () => {
  test('a muted type is not listed, not counted and not pushed, and pages still learn what changed', async () => {
    const person = rig.person();
    await choose(person, { payment_succeeded: { inbox: false, live: true } });
    const client = notifier.connect(person);
    await client.ready();
    const topUp = toppedUp(person.id);
    await rig.say(BalanceToppedUp, topUp);
    await client.heardOf('changed', ({ id }) => id === topUp.topUpId);
    await rig.say(ChargeFailed, chargeFailed(person.id));
    await client.heardOf('unread-count', ({ unreadCount }) => unreadCount === 1);
    expect(client.notifications().map(({ type }) => type)).toEqual(['charge_failed']);
    expect(client.of('unread-count').map(({ unreadCount }) => unreadCount)).toEqual([0, 1]);
    expect(await listed(person, 1)).toEqual(['charge_failed charge']);
    // What happens once it is wanted again is told, and what was not told stays so.
    await choose(person, {});
    await rig.say(BalanceToppedUp, topUp, uuidv7());
    const next = toppedUp(person.id);
    await rig.say(BalanceToppedUp, next);
    await client.told(next.topUpId);
    expect(await listed(person, 2)).toEqual(['payment_succeeded top_up', 'charge_failed charge']);
  });

  test('one that is muted still overtakes: nobody reads "too low" after it was paid', async () => {
    const person = rig.person();
    await choose(person, { payment_succeeded: { inbox: false, live: false } });
    const chargeId = uuidv7();
    await rig.say(ChargeSucceeded, charged(person.id, chargeId, 2));
    await until('it to be heard', async () => {
      const { rowCount } = await rig.pool.query('SELECT 1 FROM muted_fact WHERE subject_id = $1', [chargeId]);
      return rowCount === 1;
    });
    await rig.say(ChargeFailed, chargeFailed(person.id, chargeId, 1));
    await rig.say(ChargeFailed, chargeFailed(person.id));
    expect(await listed(person, 1)).toHaveLength(1);
    expect((await list(person))[0].data.chargeId).not.toBe(chargeId);
  });

  test('a quiet type is listed and counted, and shown on no page: not as it comes, and not after a gap', async () => {
    const person = rig.person();
    await choose(person, { expiry_notice: { inbox: true, live: false } });
    const client = notifier.connect(person);
    await client.ready();
    const seen = await (async () => {
      const topUp = toppedUp(person.id);
      await rig.say(BalanceToppedUp, topUp);
      return client.told(topUp.topUpId);
    })();
    await rig.say(SubscriptionCanceled, subscription(person.id));
    await client.heardOf('unread-count', ({ unreadCount }) => unreadCount === 2);
    const topUp = toppedUp(person.id);
    await rig.say(BalanceToppedUp, topUp);
    await client.told(topUp.topUpId);
    expect(client.notifications().map(({ type }) => type)).toEqual(['payment_succeeded', 'payment_succeeded']);
    expect(await listed(person, 3)).toContain('expiry_notice canceled');
    const again = notifier.connect(person, { lastNotificationId: seen.id });
    await again.ready();
    expect(again.notifications().map(({ data }) => data.topUpId)).toEqual([topUp.topUpId]);
    expect(again.of('unread-count')).toEqual([{ name: 'unread-count', unreadCount: 3 }]);
    expect(again.of('notifications:read')).toEqual([]);
  });

  test('of many choices at once one stands, whole', async () => {
    const person = rig.person();
    const choices = Array.from({ length: 20 }, (_, index) => {
      const reach = { inbox: index % 2 === 0, live: index % 3 === 0 };
      return { ...EVERYTHING, payment_succeeded: reach, expiry_notice: reach };
    });
    const answers = await Promise.all(choices.map((body) => notifier.call('PUT', PATH, { token: person.token, body })));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    const { payment_succeeded, expiry_notice } = await read(person);
    expect(payment_succeeded).toEqual(expiry_notice);
  });
});
