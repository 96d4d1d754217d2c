import { UserRegistered, UserUpdated } from '@evergreen/contracts/events/auth.ts';
import { EVENT_EXCHANGE, NOTIFIER_ACCOUNTS } from '@evergreen/contracts/topology.ts';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { on } from '../src/batch.ts';
import { inTransaction } from '../src/database.ts';
import { claimInbox } from '../src/inbox.ts';
import {
  appendToOutbox,
  type OutboxRelay,
  type OutboxRelayOptions,
  outboxRows,
  startOutboxRelay,
} from '../src/outbox.ts';
import {
  createTestBroker,
  createTestDatabase,
  type OpenBroker,
  registered,
  registeredMany,
  type TestBroker,
  type TestDatabase,
  until,
} from './rig.ts';

const QUEUE = NOTIFIER_ACCOUNTS.name;

let rabbit: TestBroker;
let database: TestDatabase;
let relays: OutboxRelay[];

beforeEach(async () => {
  relays = [];
  [rabbit, database] = await Promise.all([createTestBroker(), createTestDatabase()]);
});

afterEach(async () => {
  await Promise.all(relays.map((relay) => relay.stop()));
  await rabbit.drop();
  await database.drop();
});

function relayWith({ broker, logger, metrics }: OpenBroker, options: Partial<OutboxRelayOptions> = {}): OutboxRelay {
  const relay = startOutboxRelay({ pool: database.pool, broker, logger, metrics, ...options });
  relays.push(relay);
  return relay;
}

const append = (events: ReturnType<typeof registeredMany>) =>
  inTransaction(database.pool, (client) => appendToOutbox(client, events));

async function rowsLeft(): Promise<number> {
  const { rows } = await database.pool.query<{ left: number }>('SELECT count(*)::int AS left FROM outbox');
  return rows[0]?.left ?? -1;
}

const untilEmpty = (timeoutMs?: number) => until('an empty outbox', async () => (await rowsLeft()) === 0, timeoutMs);

const takeIds = async (count: number): Promise<string[]> =>
  (await rabbit.drain(QUEUE, count)).map(({ properties }) => properties.messageId);

test('an event is said if its transaction commits, and not if it rolls back', async () => {
  relayWith(await rabbit.open());
  const [kept, dropped] = [registered(), registered()];
  const failing = inTransaction(database.pool, async (client) => {
    await appendToOutbox(client, [dropped]);
    throw new Error('changed my mind');
  });
  await expect(failing).rejects.toThrow('changed my mind');
  await append([kept]);
  expect(JSON.parse((await rabbit.take(QUEUE)).content.toString())).toEqual(kept);
  await untilEmpty();
  expect(await rabbit.depth(QUEUE)).toBe(0);
});

test('appending nothing asks the database nothing', async () => {
  await appendToOutbox({ query: () => Promise.reject(new Error('asked')) } as never, []);
  expect(outboxRows([])).toEqual([]);
});

test('the columns of a row are those that an event travels with', () => {
  const event = registered();
  expect(outboxRows([event])).toEqual([
    { messageId: event.id, type: UserRegistered.type, body: JSON.stringify(event) },
  ]);
});

test('wake makes events leave at once, and not with the next poll', async () => {
  const relay = relayWith(await rabbit.open(), { pollMs: 60_000 });
  // The first look finds nothing, and the relay naps for a minute.
  await until('a nap', async () => (await relay.pending()) === 0);
  for (let round = 0; round < 3; round++) {
    const event = registered();
    await append([event]);
    const wokenAt = performance.now();
    relay.wake();
    await takeIds(1);
    expect(performance.now() - wokenAt).toBeLessThan(1_000);
  }
});

test('no wake is lost, wherever in its window it meets the relay', async () => {
  const relay = relayWith(await rabbit.open(), { pollMs: 60_000 });
  const events = registeredMany(200);
  for (const event of events) {
    await append([event]);
    relay.wake();
  }
  await untilEmpty();
  expect(await rabbit.depth(QUEUE)).toBe(200);
});

test('a backlog leaves in order, window after window without a pause', async () => {
  const events = registeredMany(2_500);
  await append(events);
  relayWith(await rabbit.open(), { batchSize: 100, pollMs: 60_000 });
  // 25 windows, while the first nap would last a minute.
  await until('all but the last to leave', async () => (await rowsLeft()) === 0);
  expect(await takeIds(2_500)).toEqual(events.map(({ id }) => id));
});

test('two relays on one table publish everything and leave the table empty', async () => {
  const events = registeredMany(3_000);
  const [one, two] = [await rabbit.open('one'), await rabbit.open('two')];
  relayWith(one, { batchSize: 50 });
  relayWith(two, { batchSize: 50 });
  for (let from = 0; from < events.length; from += 300) await append(events.slice(from, from + 300));
  await untilEmpty();
  // Nothing was said twice either: the leases keep the two apart.
  expect(await rabbit.depth(QUEUE)).toBe(3_000);
  expect((await takeIds(3_000)).sort()).toEqual(events.map(({ id }) => id).sort());
  const published = await Promise.all(
    [one, two].map(
      async ({ metrics }) =>
        (await metrics.getSingleMetric('evergreen_outbox_published_events_total')?.get())?.values[0]?.value,
    ),
  );
  expect(Number(published[0]) + Number(published[1])).toBe(3_000);
});

test('a row that commits late is not skipped, though rows after it have left', async () => {
  const [late, early] = [registered(), registered()];
  relayWith(await rabbit.open());
  const client = await database.pool.connect();
  await client.query('BEGIN');
  await appendToOutbox(client, [late]);
  await append([early]);
  expect(await takeIds(1)).toEqual([early.id]);
  await client.query('COMMIT');
  client.release();
  expect(await takeIds(1)).toEqual([late.id]);
  await untilEmpty();
});

test('what the broker refuses rests and is tried again, and holds up nobody', async () => {
  const opened = await rabbit.open();
  const unbound = { message_id: registered().id, type: 'evergreen.tests.Early.v1' };
  await database.pool.query('INSERT INTO outbox (message_id, type, body) VALUES ($1, $2, $3)', [
    unbound.message_id,
    unbound.type,
    '{}',
  ]);
  const event = registered();
  await append([event]);
  relayWith(opened);
  expect(await takeIds(1)).toEqual([event.id]);
  const attempts = async () => (await database.pool.query('SELECT attempts FROM outbox')).rows[0]?.attempts;
  await until('a third try', async () => (await attempts()) >= 3);
  await rabbit.channel.assertQueue('early');
  await rabbit.channel.bindQueue('early', EVENT_EXCHANGE, unbound.type);
  expect((await rabbit.take('early')).properties.messageId).toBe(unbound.message_id);
  await untilEmpty();
  const failed = await opened.metrics.getSingleMetric('evergreen_outbox_refused_events_total')?.get();
  expect(failed?.values[0]?.value).toBeGreaterThanOrEqual(3);
});

test('a relay that fails between confirm and delete says events twice, and the inbox drops the second', async () => {
  const events = registeredMany(10);
  // The deletes fail in the database itself, as they would for a relay that died at this point.
  await database.pool.query(`
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no deletes for now''; END';
    CREATE TRIGGER refuse BEFORE DELETE ON outbox EXECUTE FUNCTION refuse();`);
  await append(events);
  const opened = await rabbit.open();
  let deliveries = 0;
  await opened.broker.consume(NOTIFIER_ACCOUNTS, [
    on(UserUpdated, async () => {}),
    on(UserRegistered, (batch) =>
      inTransaction(database.pool, async (client) => {
        deliveries += batch.length;
        const fresh = await claimInbox(
          client,
          QUEUE,
          batch.map(({ id }) => id),
        );
        await client.query('INSERT INTO effect SELECT * FROM unnest($1::uuid[])', [[...fresh]]);
      }),
    ),
  ]);
  relayWith(opened, { leaseMs: 200 });
  await until('every event to be delivered twice', () => deliveries >= 20);
  expect(await rowsLeft()).toBe(10);
  await database.pool.query('DROP TRIGGER refuse ON outbox');
  await untilEmpty();
  await until('quiet', () => opened.broker.activity().inFlight === 0);
  const { rows } = await database.pool.query('SELECT message_id FROM effect ORDER BY 1');
  expect(rows.map(({ message_id }) => message_id)).toEqual(events.map(({ id }) => id).sort());
});

test('a lease that a dead relay left is over in time', async () => {
  await append([registered()]);
  await database.pool.query("UPDATE outbox SET leased_until = clock_timestamp() + interval '700 ms', attempts = 1");
  relayWith(await rabbit.open(), { pollMs: 50 });
  await takeIds(1);
  await untilEmpty();
});

test('the broker goes away and comes back while events leave: all of them arrive', async () => {
  const events = registeredMany(2_000);
  await append(events);
  const opened = await rabbit.open('relaying');
  relayWith(opened, { batchSize: 10 });
  await until('the first to leave', async () => (await rowsLeft()) < 2_000);
  await rabbit.cut('relaying');
  await untilEmpty(20_000);
  const ids = new Set(await takeIds(await rabbit.depth(QUEUE)));
  expect(ids.size).toBe(2_000);
});

test('while no broker can be reached, rows stay as they are', async () => {
  const opened = await rabbit.open();
  await opened.broker.close();
  await append([registered()]);
  const relay = relayWith(opened, { pollMs: 10 });
  await relay.stop();
  const { rows } = await database.pool.query("SELECT attempts, leased_until = '-infinity' AS free FROM outbox");
  expect(rows).toEqual([{ attempts: 0, free: true }]);
});

test('the database goes away and comes back: the relay goes on', async () => {
  const opened = await rabbit.open();
  const relay = relayWith(opened);
  await append(registeredMany(100));
  const giveBack = await database.takeAway();
  await expect(relay.pending()).rejects.toThrow();
  // The other metrics are readable all the while.
  expect(await opened.metrics.metrics()).toContain('evergreen_outbox_published_events_total');
  await giveBack();
  await untilEmpty();
  expect(new Set(await takeIds(await rabbit.depth(QUEUE))).size).toBe(100);
});

test('stop finishes the window in hand', async () => {
  await append(registeredMany(2_000));
  const relay = relayWith(await rabbit.open(), { batchSize: 100 });
  await until('the first to leave', async () => (await rowsLeft()) < 2_000);
  await relay.stop();
  const left = await rowsLeft();
  const { rows } = await database.pool.query(
    "SELECT count(*)::int AS leased FROM outbox WHERE leased_until > '-infinity'",
  );
  expect(rows).toEqual([{ leased: 0 }]);
  expect(left + (await rabbit.depth(QUEUE))).toBe(2_000);
});

test('the metrics tell how much waits, and how long it has waited', async () => {
  const opened = await rabbit.open();
  await opened.broker.close();
  relayWith(opened);
  await append(registeredMany(3));
  await database.pool.query("UPDATE outbox SET created_at = now() - interval '90 seconds' WHERE seq = 1");
  const text = await opened.metrics.metrics();
  expect(text).toMatch(/^evergreen_outbox_pending_events 3$/m);
  expect(Number(/^evergreen_outbox_oldest_seconds (.*)$/m.exec(text)?.[1])).toBeGreaterThan(89);
});
