import { BalanceToppedUp } from '@evergreen/contracts/events/wallet.ts';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import { retentionPrunes } from '../src/retention.ts';
import { readSince } from '../src/sql/read-since.ts';
import { openRig, type Person, type Replica, type Rig } from './rig.ts';
import { toppedUp } from './sample.ts';

const KEPT = { KEEP_READ_DAYS: 90, KEEP_UNREAD_DAYS: 365 };

let rig: Rig;
let notifier: Replica;

beforeAll(async () => {
  rig = await openRig();
  notifier = await rig.startReplica();
});
afterAll(() => rig.close());

interface Kept {
  /** How long ago it was stored. */
  days: number;
  read: boolean;
  count?: number;
}

/** Puts notifications into the inbox of somebody as if they had been there for a while. */
async function keep(person: Person, all: Kept[]): Promise<void> {
  await rig.pool.query('INSERT INTO mailbox (user_id, version) VALUES ($1, 1000000) ON CONFLICT DO NOTHING', [
    person.id,
  ]);
  for (const { days, read, count = 1 } of all) {
    await rig.pool.query(
      `INSERT INTO notification (id, user_id, seq, type, kind, data, live, subject_id, subject_version, source_event_id,
                                 created_at, read_at, stored_at)
       SELECT uuidv7(-$2::int * interval '1 day'), $1, (SELECT coalesce(max(seq), 0) FROM notification WHERE user_id = $1) + n,
              'payment_succeeded', 'top_up', '{"amount":1,"currency":"USD","balanceAfter":1}', true,
              gen_random_uuid(), 1, gen_random_uuid(), now() + interval '5 years', CASE WHEN $3::boolean THEN now() END,
              now() - $2::int * interval '1 day'
       FROM generate_series(1, $4::int) AS n`,
      [person.id, days, read, count],
    );
  }
}

async function ages({ id }: Person): Promise<string[]> {
  const { rows } = await rig.pool.query(
    `SELECT extract(day FROM now() - stored_at)::int || CASE WHEN read_at IS NULL THEN ' unread' ELSE ' read' END AS age
     FROM notification WHERE user_id = $1 ORDER BY seq`,
    [id],
  );
  return rows.map(({ age }) => age);
}

test('read ones go after 90 days and unread ones after a year, by the days that really passed', async () => {
  const person = rig.person();
  await keep(person, [
    { days: 400, read: false },
    { days: 364, read: false },
    { days: 91, read: true },
    { days: 89, read: true },
    { days: 0, read: true },
  ]);
  const prunes = retentionPrunes(rig.pool, KEPT);
  expect([await prunes['read notifications'](), await prunes['unread notifications']()]).toEqual([1, 1]);
  expect(await ages(person)).toEqual(['364 unread', '89 read', '0 read']);
  const { body } = await notifier.call('GET', '/v1/notifications/unread-count', { token: person.token });
  expect(body).toEqual({ unreadCount: 1 });
});

test('many go in batches, and two replicas that prune at once take each once', async () => {
  const person = rig.person();
  await keep(person, [{ days: 100, read: true, count: 12_000 }]);
  const prunes = retentionPrunes(rig.pool, KEPT);
  const gone = await Promise.all([prunes['read notifications'](), prunes['read notifications']()]);
  expect(gone[0] + gone[1] + (await prunes['read notifications']())).toBe(12_000);
});

test('muted facts are forgotten once nothing that they overtook can come any more', async () => {
  await rig.pool.query(
    `INSERT INTO muted_fact SELECT gen_random_uuid(), 1, now() - days * interval '1 day' FROM unnest(ARRAY[29, 31]) AS days`,
  );
  expect(await retentionPrunes(rig.pool, KEPT)['muted facts']()).toBe(1);
});

test('a client whose last notification is gone, or that has seen none, gets what came after it, once', async () => {
  const person = rig.person();
  await keep(person, [
    { days: 100, read: true },
    { days: 10, read: true },
  ]);
  const { rows } = await rig.pool.query('SELECT id FROM notification WHERE user_id = $1 ORDER BY seq', [person.id]);
  const [gone, seen] = rows.map(({ id }) => id) as [string, string];
  await retentionPrunes(rig.pool, KEPT)['read notifications']();
  const NIL = '00000000-0000-0000-0000-000000000000';
  for (const lastNotificationId of [gone, NIL]) {
    const client = notifier.connect(person, { lastNotificationId });
    await client.ready();
    expect(client.notifications().map(({ id }) => id)).toEqual([seen]);
  }
  const fresh = rig.person();
  const first = notifier.connect(fresh, { lastNotificationId: NIL });
  await first.ready();
  const facts = toppedUp(fresh.id);
  await rig.say(BalanceToppedUp, facts);
  await first.told(facts.topUpId);
  const again = notifier.connect(fresh, { lastNotificationId: NIL });
  await again.told(facts.topUpId);
  expect(first.notifications()).toHaveLength(1);
  const unknown = notifier.connect(fresh, { lastNotificationId: uuidv7() });
  await unknown.ready();
  expect(unknown.notifications()).toEqual([]);
});

interface Plan {
  'Node Type': string;
  'Index Name'?: string;
  'Shared Hit Blocks': number;
  'Shared Read Blocks': number;
  Plans?: Plan[];
}

/** How a query is carried out: the indexes it uses, and the pages it looks at. */
async function explain(text: string, values: unknown[]): Promise<{ indexes: Set<string>; pages: number }> {
  const { rows } = await rig.pool.query(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`, values);
  const { Plan: top } = rows[0]['QUERY PLAN'][0] as { Plan: Plan };
  const indexes = new Set<string>();
  const walk = (plan: Plan): void => {
    indexes.add(plan['Index Name'] ?? plan['Node Type']);
    plan.Plans?.forEach(walk);
  };
  walk(top);
  return { indexes, pages: top['Shared Hit Blocks'] + top['Shared Read Blocks'] };
}

test('an unread count costs the same in a small inbox and in a large one', async () => {
  const [small, large] = [rig.person(), rig.person()];
  await keep(small, [{ days: 1, read: false, count: 5 }]);
  await keep(large, [
    { days: 1, read: true, count: 20_000 },
    { days: 1, read: false, count: 5 },
  ]);
  // Where an autovacuum would have been by.
  await rig.vacuum('notification');
  const count = 'SELECT count(*) FROM notification WHERE user_id = $1 AND read_at IS NULL';
  const [ofSmall, ofLarge] = [await explain(count, [small.id]), await explain(count, [large.id])];
  expect(ofLarge.indexes).toContain('notification_unread_idx');
  expect(ofLarge.pages).toBeLessThanOrEqual(ofSmall.pages + 2);
  // So does what a socket reads when it connects: the newest hundred at most, however many there are.
  const { text } = readSince(large.id, 20_000);
  const since = await explain(text, [large.id, 20_000]);
  expect(since.indexes).toContain('notification_unread_idx');
  expect([...since.indexes].filter((name) => /Seq Scan/.test(name))).toEqual([]);
  expect(since.pages).toBeLessThan(250);
});
