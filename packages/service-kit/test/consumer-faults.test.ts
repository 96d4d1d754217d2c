import type { EventOf } from '@evergreen/contracts/envelope.ts';
import { UserRegistered, UserUpdated } from '@evergreen/contracts/events/auth.ts';
import { NOTIFIER_ACCOUNTS } from '@evergreen/contracts/topology.ts';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { on } from '../src/batch.ts';
import type { Broker } from '../src/broker.ts';
import { inTransaction } from '../src/database.ts';
import { claimInbox } from '../src/inbox.ts';
import { outboxRows } from '../src/outbox.ts';
import { setUpTopology } from '../src/topology.ts';
import {
  createTestBroker,
  createTestDatabase,
  gate,
  registered,
  registeredMany,
  type TestBroker,
  type TestDatabase,
  until,
} from './rig.ts';

const QUEUE = NOTIFIER_ACCOUNTS.name;
const ELSEWHERE = [`${QUEUE}.retry.1`, `${QUEUE}.dead`];

let rabbit: TestBroker;
let database: TestDatabase;

beforeEach(async () => {
  [rabbit, database] = await Promise.all([createTestBroker(), createTestDatabase()]);
});

afterEach(async () => {
  await rabbit.drop();
  await database.drop();
});

type Registered = EventOf<typeof UserRegistered>;

/** The effect every service has: the inbox and the change in one transaction. */
const haveEffect = (events: Registered[]) =>
  inTransaction(database.pool, async (client) => {
    const fresh = await claimInbox(
      client,
      QUEUE,
      events.map(({ id }) => id),
    );
    await client.query('INSERT INTO effect SELECT * FROM unnest($1::uuid[])', [[...fresh]]);
  });

const consume = (broker: Broker, handle: (events: Registered[]) => Promise<void>) =>
  broker.consume(NOTIFIER_ACCOUNTS, [on(UserRegistered, handle), on(UserUpdated, async () => {})]);

async function publishAll(events: Registered[]): Promise<void> {
  const { broker } = await rabbit.open('speaker');
  expect((await broker.publish(outboxRows(events))).refused.size).toBe(0);
}

async function effects(): Promise<string[]> {
  const { rows } = await database.pool.query<{ message_id: string }>('SELECT message_id FROM effect ORDER BY 1');
  return rows.map(({ message_id }) => message_id);
}

const idsOf = (events: Registered[]) => events.map(({ id }) => id).sort();

async function expectNothingSetAside(): Promise<void> {
  for (const queue of ELSEWHERE) expect([queue, await rabbit.depth(queue)]).toEqual([queue, 0]);
}

test('connections cut in mid-stream, again and again: every event has its effect, once', async () => {
  const events = registeredMany(3_000);
  const { broker } = await rabbit.open('victim');
  let handled = 0;
  await consume(broker, async (batch) => {
    await haveEffect(batch);
    handled += batch.length;
  });
  await publishAll(events);
  for (const mark of [1, 1_000]) {
    await until(`${mark} to be handled`, () => handled >= mark);
    await rabbit.cut('victim');
  }
  await until('every effect', async () => (await effects()).length >= events.length, 25_000);
  await until(
    'the queue to be empty',
    async () => broker.activity().inFlight === 0 && (await rabbit.depth(QUEUE)) === 0,
  );
  expect(await effects()).toEqual(idsOf(events));
  await expectNothingSetAside();
});

test('a batch whose channel is lost while it is handled is not acknowledged, and its second delivery does nothing', async () => {
  const event = registered();
  const { broker } = await rabbit.open('victim');
  const [started, mayEnd] = [gate(), gate()];
  const seen: number[] = [];
  let running = 0;
  await consume(broker, async (events) => {
    expect(++running).toBe(1);
    seen.push(events.length);
    started.resolve();
    await mayEnd.promise;
    await haveEffect(events);
    running--;
  });
  await publishAll([event]);
  await started.promise;
  expect(broker.activity()).toEqual({ inFlight: 1, handled: 0 });
  await rabbit.cut('victim');
  await until('the connection to be lost', () => !broker.isReady());
  await until('the connection to be back', () => broker.isReady());
  // The event has been delivered again, and waits behind its first delivery, which still runs.
  await until('the second delivery', () => broker.activity().inFlight === 2);
  expect(seen).toEqual([1]);
  mayEnd.resolve();
  await until('the second delivery to be settled', () => broker.activity().handled === 1);
  expect(seen).toEqual([1, 1]);
  expect(await effects()).toEqual([event.id]);
  expect(broker.activity()).toEqual({ inFlight: 0, handled: 1 });
  expect(await rabbit.depth(QUEUE)).toBe(0);
});

test('while the database is away the batch is held: nothing is retried elsewhere or dead-lettered, and then it works', async () => {
  const events = registeredMany(50);
  const { broker } = await rabbit.open();
  let failures = 0;
  await consume(broker, (batch) =>
    haveEffect(batch).catch((error) => {
      failures++;
      throw error;
    }),
  );
  const giveBack = await database.takeAway();
  await publishAll(events);
  await until('several failures', () => failures >= 4);
  await expectNothingSetAside();
  expect(broker.activity()).toEqual({ inFlight: 50, handled: 0 });
  await giveBack();
  await until('all to be settled', () => broker.activity().handled === 50);
  expect(await effects()).toEqual(idsOf(events));
  await expectNothingSetAside();
});

test('work in progress when the database goes away is done once', async () => {
  const events = registeredMany(2_000);
  const { broker } = await rabbit.open();
  await consume(broker, haveEffect);
  const publishing = publishAll(events);
  await until('work in progress', () => broker.activity().handled > 0);
  const giveBack = await database.takeAway();
  await giveBack();
  await publishing;
  await until('all to be settled', () => broker.activity().handled === 2_000);
  expect(await effects()).toEqual(idsOf(events));
  await expectNothingSetAside();
});

test('a deadlock that never ends is given up after a bounded number of tries, and its neighbour goes on', async () => {
  const [unlucky, lucky] = registeredMany(2);
  if (!unlucky || !lucky) throw new Error('two events were made');
  const { broker } = await rabbit.open();
  let tries = 0;
  await consume(broker, async (events) => {
    if (events.some(({ id }) => id === unlucky.id)) {
      tries++;
      await database.pool.query("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40P01'; END $$");
    }
    await haveEffect(events);
  });
  await publishAll([unlucky, lucky]);
  await until('both to be settled', () => broker.activity().handled === 2, 20_000);
  expect(tries).toBeLessThanOrEqual(20);
  expect(tries).toBeGreaterThanOrEqual(10);
  expect(await effects()).toEqual([lucky.id]);
  expect((await rabbit.take(`${QUEUE}.retry.1`, 1_000)).properties.messageId).toBe(unlucky.id);
});

test('closing finishes the batch in hand and leaves the rest to the next consumer', async () => {
  const events = registeredMany(1_000);
  await publishAll(events);
  const leaving = await rabbit.open('leaving');
  const [started, mayEnd] = [gate(), gate()];
  let inHand: Registered[] = [];
  await consume(leaving.broker, async (batch) => {
    inHand = batch;
    started.resolve();
    await mayEnd.promise;
    await haveEffect(batch);
  });
  await started.promise;
  const closing = leaving.broker.close();
  mayEnd.resolve();
  await closing;
  expect(await effects()).toEqual(idsOf(inHand));
  await until('the rest to be back', async () => (await rabbit.depth(QUEUE)) === events.length - inHand.length);

  const next = await rabbit.open('next');
  const again: string[] = [];
  await consume(next.broker, async (batch) => {
    again.push(...batch.map(({ id }) => id));
    await haveEffect(batch);
  });
  await until('the rest', () => next.broker.activity().handled === events.length - inHand.length);
  expect(again).not.toContain(inHand[0]?.id);
  expect(await effects()).toEqual(idsOf(events));
});

test('closing does not wait for a database that stays away, and loses nothing', async () => {
  const events = registeredMany(5);
  const { broker } = await rabbit.open('leaving');
  let failures = 0;
  await consume(broker, (batch) =>
    haveEffect(batch).catch((error) => {
      failures++;
      throw error;
    }),
  );
  const giveBack = await database.takeAway();
  await publishAll(events);
  await until('the batch to be held', () => failures > 1);
  const startedAt = performance.now();
  await broker.close();
  expect(performance.now() - startedAt).toBeLessThan(5_000);
  await until('all to be back', async () => (await rabbit.depth(QUEUE)) === 5);
  await giveBack();
});

test('a dead-letter queue that takes nothing holds the batch, and what is unreadable is not lost', async () => {
  const { broker, logs } = await rabbit.open('holding');
  const dead = `${QUEUE}.dead`;
  const event = registered();
  await rabbit.channel.deleteQueue(dead);
  await rabbit.sendRaw('junk', { queue: QUEUE });
  await rabbit.sendRaw(JSON.stringify(event), { queue: QUEUE });
  await consume(broker, haveEffect);
  await until('two refusals', () => logs.filter((line) => line.includes('cannot set messages aside')).length >= 2);
  expect(broker.activity()).toEqual({ inFlight: 2, handled: 0 });
  await setUpTopology(rabbit.url);
  await until('both to be settled', () => broker.activity().handled === 2);
  expect((await rabbit.take(dead)).content.toString()).toBe('junk');
  expect(await effects()).toEqual([event.id]);
});
