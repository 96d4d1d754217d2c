import type { EventOf } from '@evergreen/contracts/envelope.ts';
import { UserRegistered, UserUpdated } from '@evergreen/contracts/events/auth.ts';
import type { DeadLetterQueue } from '@evergreen/contracts/http/dead-letters.ts';
import { NOTIFIER_ACCOUNTS, RETRY_DELAYS_MS } from '@evergreen/contracts/topology.ts';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { on } from '../src/batch.ts';
import { inTransaction } from '../src/database.ts';
import { type DeadLetterDesk, openDeadLetterDesk } from '../src/dead-letter-desk.ts';
import { claimInbox } from '../src/inbox.ts';
import { outboxRows } from '../src/outbox.ts';
import {
  createTestBroker,
  createTestDatabase,
  type OpenBroker,
  registered,
  registeredMany,
  type TestBroker,
  type TestDatabase,
  until,
  wire,
} from './rig.ts';

const QUEUE = NOTIFIER_ACCOUNTS.name;
const DEAD = `${QUEUE}.dead`;
const OPERATOR = 'an-operator';

let rabbit: TestBroker;
let database: TestDatabase;

beforeEach(async () => {
  [rabbit, database] = await Promise.all([createTestBroker(), createTestDatabase()]);
});

afterEach(async () => {
  await rabbit.drop();
  await database.drop();
});

/** The notifier, with the rights its broker user has, and its desk. */
async function openNotifier(): Promise<OpenBroker & { desk: DeadLetterDesk; list: (limit?: number) => Promise<Row> }> {
  const opened = await rabbit.open('notifier', rabbit.urls.notifier);
  const desk = openDeadLetterDesk({ service: 'notifier', pool: database.pool, lookCountsMs: 0, ...opened });
  const list = async (limit = 100) => (await desk.list(limit)).find(({ queue }) => queue === QUEUE) as Row;
  return { ...opened, desk, list };
}
type Row = DeadLetterQueue;
type Registered = EventOf<typeof UserRegistered>;

const idsOf = (row: Row) => row.messages.map(({ id }) => id);

/** Puts events into the dead-letter queue, as the consumer does. */
async function kill(...events: Registered[]): Promise<void> {
  for (const event of events) {
    await rabbit.sendRaw(wire(event), {
      queue: DEAD,
      messageId: event.id,
      type: event.type,
      headers: {
        'x-attempt': 3,
        'x-dead-reason': 'attempts_exhausted',
        'x-dead-detail': 'no',
        'x-dead-at': event.time,
      },
    });
  }
}

const consume = ({ broker }: OpenBroker, handle: (events: Registered[]) => Promise<void>) =>
  broker.consume(NOTIFIER_ACCOUNTS, [on(UserRegistered, handle), on(UserUpdated, async () => {})]);

/** The effect every service has: the inbox and the change in one transaction. */
const haveEffect = (events: Registered[]) =>
  inTransaction(database.pool, async (client) => {
    const ids = events.map(({ id }) => id);
    const fresh = await claimInbox(client, QUEUE, ids);
    await client.query('INSERT INTO effect SELECT * FROM unnest($1::uuid[])', [[...fresh]]);
  });

async function effects(): Promise<string[]> {
  const { rows } = await database.pool.query<{ message_id: string }>('SELECT message_id FROM effect ORDER BY 1');
  return rows.map(({ message_id }) => message_id);
}

test('listing 25 times loses nothing, changes no order, and shows the oldest first', async () => {
  const { desk, list } = await openNotifier();
  const events = registeredMany(130);
  await kill(...events);
  const ids = events.map(({ id }) => id);
  for (let round = 1; round <= 25; round++) {
    const limit = round % 2 === 0 ? 100 : 45;
    const row = await list(limit);
    expect({ round, count: row.count, ids: idsOf(row) }).toEqual({ round, count: 130, ids: ids.slice(0, limit) });
  }
  const [first] = (await list(1)).messages;
  expect(first).toEqual({
    ...{ id: ids[0], type: UserRegistered.type, deadAt: '2026-11-23T08:00:00.000Z' },
    ...{ reason: 'attempts_exhausted', detail: 'no', attempts: RETRY_DELAYS_MS.length + 1, redrives: 0 },
    ...{ bytes: wire(events[0] as Registered).length, body: expect.stringContaining('"email": "0@evergreen.test"') },
  });
  // Nobody else's queues, and all of its own.
  expect((await desk.list(1)).map(({ queue }) => queue)).toEqual(['notifier.inbox', QUEUE, 'notifier.clock']);
  expect((await rabbit.drain(DEAD, 130)).map(({ properties }) => properties.messageId)).toEqual(ids);
}, 30_000);

test('who looks again while nothing came or went sees what was seen, without asking for the messages', async () => {
  const { broker, logger } = await openNotifier();
  let holds = 0;
  const hold: typeof broker.hold = (of, work) => {
    if (of.queue === DEAD) holds++;
    return broker.hold(of, work);
  };
  const desk = openDeadLetterDesk({ service: 'notifier', pool: database.pool, logger, broker: { ...broker, hold } });
  const idsNow = async (limit: number) =>
    (await desk.list(limit)).flatMap(({ messages }) => messages.map(({ id }) => id));
  const [a, b] = registeredMany(2) as [Registered, Registered];
  await kill(a);
  for (let look = 0; look < 5; look++) expect(await idsNow(100)).toEqual([a.id]);
  expect(holds).toBe(1);
  await kill(b);
  expect(await idsNow(1)).toEqual([a.id]);
  expect(await idsNow(2)).toEqual([a.id, b.id]);
  expect(holds).toBe(2);
  await desk.redrive({ queue: QUEUE, messageId: a.id, operatorId: OPERATOR });
  expect(await idsNow(2)).toEqual([b.id]);
}, 30_000);

test('many who look at once, over replicas, each see everything in order', async () => {
  const [one, other] = [await openNotifier(), await openNotifier()];
  const events = registeredMany(10);
  await kill(...events);
  const looks = await Promise.all(Array.from({ length: 8 }, (_, n) => (n % 2 === 0 ? one : other).list()));
  for (const row of looks) expect(idsOf(row)).toEqual(events.map(({ id }) => id));
}, 30_000);

test('one message is redriven with its id, has its effect, and leaves the others', async () => {
  const notifier = await openNotifier();
  const [a, b, c] = registeredMany(3) as [Registered, Registered, Registered];
  await kill(a, b, c);
  await consume(notifier, haveEffect);
  expect(await notifier.desk.redrive({ queue: QUEUE, messageId: b.id, operatorId: OPERATOR })).toEqual({
    ...{ queue: QUEUE, redriven: 1, left: 2 },
  });
  await until('its effect', async () => (await effects()).length === 1);
  expect(await effects()).toEqual([b.id]);
  expect(idsOf(await notifier.list())).toEqual([a.id, c.id]);
  expect(await notifier.desk.redrive({ queue: QUEUE, messageId: b.id, operatorId: OPERATOR })).toMatchObject({
    ...{ redriven: 0, left: 2 },
  });
}, 30_000);

test('all are redriven, more than one hold of them, and have their effect once', async () => {
  const notifier = await openNotifier();
  const events = registeredMany(230);
  await kill(...events);
  // One was handled before it died, as after a crash between effect and acknowledgement.
  await haveEffect(events.slice(0, 1));
  await consume(notifier, haveEffect);
  expect(await notifier.desk.redrive({ queue: QUEUE, operatorId: OPERATOR })).toEqual({
    ...{ queue: QUEUE, redriven: 230, left: 0 },
  });
  await until('every message to be settled', () => notifier.broker.activity().handled === 230);
  expect(await effects()).toEqual(events.map(({ id }) => id).sort());
  expect(await notifier.list()).toEqual({ queue: QUEUE, count: 0, messages: [] });
}, 30_000);

test('what still fails comes back with its reason, after all of its attempts again or at once when it cannot be read', async () => {
  const notifier = await openNotifier();
  const event = registered();
  let calls = 0;
  await consume(notifier, async () => {
    calls++;
    throw new Error(`for the ${calls}th time, as Bearer abc.def`);
  });
  await kill(event);
  await rabbit.sendRaw('{"half":', { queue: DEAD, messageId: 'half', headers: { 'x-dead-reason': 'malformed' } });
  expect(await notifier.desk.redrive({ queue: QUEUE, operatorId: OPERATOR })).toMatchObject({ redriven: 2, left: 0 });
  await until('the unreadable one to be back', async () => (await notifier.list()).count === 1);
  expect((await notifier.list()).messages).toMatchObject([
    { id: 'half', reason: 'malformed', redrives: 1, body: null, detail: 'the body is not JSON in UTF-8' },
  ]);
  // It rests after the first attempt, which it would not if it had none left.
  await until('its first rest', async () => (await rabbit.depth(`${QUEUE}.retry.1`)) === 1);
  expect(calls).toBe(1);
  const resting = await rabbit.take(`${QUEUE}.retry.1`);
  expect(resting.properties).toMatchObject({
    messageId: event.id,
    headers: { 'x-attempt': 1, 'x-redrives': 1, 'x-last-error': expect.stringContaining('1th time') },
  });
  expect(resting.properties.headers).not.toHaveProperty('x-dead-reason');
  // As if it had come back for its last attempt.
  await rabbit.sendRaw(resting.content, {
    queue: QUEUE,
    ...{ messageId: event.id, type: event.type, headers: { ...resting.properties.headers, 'x-attempt': 3 } },
  });
  await until('both to be back', async () => (await notifier.list()).count === 2);
  expect((await notifier.list()).messages[1]).toMatchObject({
    ...{ id: event.id, reason: 'attempts_exhausted', attempts: 4, redrives: 1 },
    detail: 'for the 2th time, as [hidden]',
  });
}, 30_000);

test('what the broker itself gave up keeps its routing key, and what came under a foreign one is refused again', async () => {
  const notifier = await openNotifier();
  const event = registered();
  const death = {
    count: 1,
    queue: QUEUE,
    exchange: 'evergreen.events',
    time: { '!': 'timestamp', value: 1_795_000_000 },
  };
  const given = (key: string) => ({ 'x-death': [{ ...death, reason: 'delivery_limit', 'routing-keys': [key] }] });
  const sendDead = (messageId: string, headers: Record<string, unknown>) =>
    rabbit.sendRaw(wire({ ...event, id: registered().id }), { queue: DEAD, messageId, headers });
  await sendDead('own', given(event.type));
  await sendDead('foreign', given('evergreen.wallet.BalanceToppedUp.v1'));
  expect((await notifier.list()).messages).toMatchObject([
    { id: 'own', reason: 'delivery_limit', attempts: 0, deadAt: new Date(1_795_000_000_000).toISOString() },
    { id: 'foreign' },
  ]);
  await consume(notifier, haveEffect);
  await notifier.desk.redrive({ queue: QUEUE, operatorId: OPERATOR });
  await until('both to be settled', () => notifier.broker.activity().handled === 2);
  expect((await notifier.list()).messages).toMatchObject([
    { id: 'foreign', reason: 'foreign_routing_key', redrives: 1 },
  ]);
  expect(await effects()).toHaveLength(1);
}, 30_000);

test('a connection lost between publishing and settling leaves it in both places, and its effect is one', async () => {
  const notifier = await openNotifier();
  const events = registeredMany(5);
  await kill(...events);
  const desk = openDeadLetterDesk({
    service: 'notifier',
    pool: database.pool,
    logger: notifier.logger,
    broker: {
      ...notifier.broker,
      async send(messages) {
        const refusals = await notifier.broker.send(messages);
        await rabbit.cut('notifier');
        return refusals;
      },
    },
  });
  await expect(desk.redrive({ queue: QUEUE, operatorId: OPERATOR })).rejects.toThrow('cannot be reached');
  await until('the broker to be back', () => notifier.broker.isReady());
  expect(idsOf(await notifier.list())).toEqual(events.map(({ id }) => id));
  expect(await rabbit.depth(QUEUE)).toBe(5);
  await consume(notifier, haveEffect);
  expect(await notifier.desk.redrive({ queue: QUEUE, operatorId: OPERATOR })).toMatchObject({ redriven: 5 });
  await until('all to be settled', () => notifier.broker.activity().handled === 10);
  expect(await effects()).toEqual(events.map(({ id }) => id).sort());
}, 30_000);

test('nothing secret is shown, whatever it is that died', async () => {
  const { list } = await openNotifier();
  const bodies = [
    JSON.stringify({ password: 'p1', nested: { apiKey: 'p2', deep: [{ refreshToken: 'p3' }] }, email: 'seen@x.test' }),
    JSON.stringify({ note: 'sent with Bearer p4.p5 to amqp://user:p6@host and pm_card_p7', at: 'eyJh.p8.p9' }),
    'p10 is no JSON',
    `"p11"`,
    JSON.stringify({ long: 'x'.repeat(5_000) }),
    `{"deep":${'['.repeat(50_000)}${']'.repeat(50_000)}}`,
    // Each `eyJ` might begin a token.
    JSON.stringify({ long: 'eyJ-'.repeat(60_000) }),
  ];
  for (const body of bodies) await rabbit.sendRaw(body, { queue: DEAD });
  const startedAt = performance.now();
  const { messages } = await list();
  expect(performance.now() - startedAt).toBeLessThan(5_000);
  expect(JSON.stringify(messages)).not.toMatch(/p\d/);
  expect(messages[0]?.body).toContain('seen@x.test');
  expect(messages.map(({ body }) => body?.length ?? 0)[4]).toBe(2_000);
  expect(messages.map(({ id, body }) => [id, body === null])).toEqual(
    [false, false, true, true, false, expect.any(Boolean), false].map((hidden) => [null, hidden]),
  );
}, 30_000);

test('queues of another service are not its own, and without a broker nobody waits', async () => {
  const notifier = await openNotifier();
  const order = { operatorId: OPERATOR };
  await expect(notifier.desk.redrive({ ...order, queue: 'wallet.charges' })).rejects.toMatchObject({
    code: 'not_found',
  });
  await notifier.broker.publish(outboxRows([registered()]));
  await notifier.broker.close();
  await expect(notifier.desk.list(1)).rejects.toMatchObject({ code: 'service_unavailable' });
  await expect(notifier.desk.redrive({ ...order, queue: QUEUE })).rejects.toMatchObject({
    code: 'service_unavailable',
  });
}, 30_000);
