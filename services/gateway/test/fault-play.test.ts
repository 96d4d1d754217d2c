import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { LATE_EVENT_MS, outcomeOf } from '../src/decisions/faults.ts';
import { openRig, RELIABLE, type Replica, type Rig, until, VISA } from './rig.ts';

let rig: Rig;
let gateway: Replica;

beforeAll(async () => {
  rig = await openRig();
  gateway = await rig.startReplica();
});
beforeEach(() => gateway.setFaults(RELIABLE));
afterAll(() => rig.close());

/** How a client sees an attempt: the status, or the reason why there was none. */
async function seen(replica: Replica, key = randomUUID(), timeoutMs = 300): Promise<string> {
  return replica.pay({ key, timeoutMs }).then(
    ({ status }) => String(status),
    (error: Error & { cause?: { code?: string } }) => error.cause?.code ?? error.name,
  );
}

test('error500: nothing is captured, and the same key succeeds later', async () => {
  await gateway.setFaults({ rates: { error500: 1 } });
  const { key, ...answer } = await gateway.pay();
  expect(answer).toMatchObject({ status: 500, body: { code: 'internal_error' } });
  expect((await gateway.find(key)).status).toBe(404);
  expect(await rig.eventsOf(gateway, key)).toEqual([]);
  expect((await gateway.pay({ key })).status).toBe(201);
});

test('unavailable503: nothing is captured, and Retry-After says when to come back', async () => {
  await gateway.setFaults({ rates: { unavailable503: 1 } });
  const { key, ...answer } = await gateway.pay();
  expect(answer).toMatchObject({ status: 503, body: { code: 'service_unavailable' } });
  expect(answer.headers.get('retry-after')).toBe('1');
  expect((await gateway.find(key)).status).toBe(404);
  expect(await rig.eventsOf(gateway, key)).toEqual([]);
});

test('declined: the decline stays, also when the card would pay now', async () => {
  await gateway.setFaults({ rates: { declined: 1 } });
  const { key, ...answer } = await gateway.pay();
  expect(answer).toMatchObject({ status: 402, body: { status: 'declined', declineCode: 'card_declined' } });
  await gateway.setFaults(RELIABLE);
  expect(await gateway.pay({ key })).toMatchObject({ status: 402, body: answer.body });
  expect(await rig.eventsOf(gateway, key)).toMatchObject([{ type: 'evergreen.gateway.PaymentDeclined.v1' }]);
});

test('timeoutBeforeCapture: no answer, and nothing is ever captured by that attempt', async () => {
  await gateway.setFaults({ rates: { timeoutBeforeCapture: 1 } });
  const key = randomUUID();
  const { handled } = await gateway.activity();
  expect(await seen(gateway, key)).toBe('TimeoutError');
  await until('the hanging request to end', async () => (await gateway.activity()).handled === handled + 1);
  expect((await gateway.find(key)).status).toBe(404);
  expect(await rig.eventsOf(gateway, key)).toEqual([]);
  expect((await gateway.pay({ key })).status).toBe(201);
});

test('timeoutAfterCapture: no answer, but one capture and one event, and a repeat gets the answer', async () => {
  await gateway.setFaults({ rates: { timeoutAfterCapture: 1 } });
  const key = randomUUID();
  expect(await seen(gateway, key)).toBe('TimeoutError');
  await until('the capture', async () => (await gateway.find(key)).status === 200);
  expect(await seen(gateway, key)).toBe('TimeoutError');
  const found = await gateway.find(key);
  expect(found).toMatchObject({ status: 200, body: { status: 'succeeded', idempotencyKey: key } });
  expect(await rig.eventsOf(gateway, key)).toHaveLength(1);
  expect(await gateway.pay({ key })).toMatchObject({ status: 201, body: found.body });
});

test('connectionReset: the connection breaks before or after capture, as the seed says', async () => {
  const faults = { ...RELIABLE, seed: 42, rates: { ...RELIABLE.rates, connectionReset: 1 } };
  await gateway.setFaults(faults);
  const ends: Record<string, string | undefined> = {};
  for (let attempt = 1; attempt <= 12; attempt++) {
    const key = randomUUID();
    expect(await seen(gateway, key, 5_000)).toMatch(/^(ECONNRESET|UND_ERR_SOCKET)$/);
    ends[key] = outcomeOf(faults, attempt).fault;
  }
  expect(new Set(Object.values(ends))).toEqual(new Set(['resetBeforeCapture', 'resetAfterCapture']));
  await gateway.setFaults(RELIABLE);
  for (const [key, fault] of Object.entries(ends)) {
    expect((await gateway.find(key)).status).toBe(fault === 'resetAfterCapture' ? 200 : 404);
    expect((await gateway.pay({ key })).status).toBe(201);
    expect(await rig.eventsOf(gateway, key)).toHaveLength(1);
  }
});

test('duplicateEvent: the event is published twice, with one id', async () => {
  await gateway.setFaults({ rates: { duplicateEvent: 1 } });
  const { key, status } = await gateway.pay();
  expect(status).toBe(201);
  const events = await rig.eventsOf(gateway, key);
  expect(events).toHaveLength(2);
  expect(events[1]).toEqual(events[0]);
});

test('lateEvent: the answer comes at once, and the event some seconds later', async () => {
  await gateway.setFaults({ rates: { lateEvent: 1, duplicateEvent: 1 } });
  const { key, body } = await gateway.pay();
  expect(await gateway.activity()).toMatchObject({ outbox: 2 });
  expect(await rig.eventsOf(gateway, key)).toHaveLength(2);
  for (const { event, atMs } of rig.heard.filter((one) => one.event.data.idempotencyKey === key)) {
    expect(atMs - Date.parse(event.data.decidedAt)).toBeGreaterThanOrEqual(LATE_EVENT_MS);
    expect(event.data.decidedAt).toBe(body.createdAt);
  }
});

test('latency: an answer takes as long as it is set to', async () => {
  await gateway.setFaults({ latency: { p50Ms: 250, p99Ms: 250 } });
  const startedAtMs = performance.now();
  expect((await gateway.pay()).status).toBe(201);
  expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(249);
});

test('outage: everything about payments is refused at once, before anything is looked at', async () => {
  const paid = await gateway.pay();
  await gateway.setFaults({ outage: true, latency: { p50Ms: 60_000, p99Ms: 60_000 } });
  for (const body of [VISA, { amount: 'nonsense' }]) {
    const { key, ...answer } = await gateway.pay({ body, timeoutMs: 2_000 });
    expect(answer).toMatchObject({ status: 503, body: { code: 'service_unavailable' } });
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(await rowsUnder(key)).toBe(0);
  }
  expect((await gateway.find(paid.key)).status).toBe(503);
  expect((await gateway.pay({ token: 'wrong' })).status).toBe(401);
  await gateway.setFaults(RELIABLE);
  expect(await gateway.find(paid.key)).toMatchObject({ status: 200, body: paid.body });
});

test('the same seed plays the same sequence again, also over two replicas', async () => {
  const other = await rig.startReplica();
  const faults = {
    ...RELIABLE,
    seed: 4_711,
    rates: { ...RELIABLE.rates, error500: 0.2, unavailable503: 0.2, declined: 0.3, connectionReset: 0.2 },
  };
  const play = async (replicas: Replica[]): Promise<string[]> => {
    await gateway.setFaults(faults);
    const outcomes: string[] = [];
    for (let attempt = 0; attempt < 30; attempt++) {
      outcomes.push(await seen(replicas[attempt % replicas.length] as Replica, randomUUID(), 5_000));
    }
    return outcomes.map((outcome) => (/^\d+$/.test(outcome) ? outcome : 'reset'));
  };
  const first = await play([gateway]);
  expect(await play([gateway, other])).toEqual(first);
  expect(new Set(first)).toEqual(new Set(['201', '402', '500', '503', 'reset']));
  await other.stop();
});

test('requests that fail before they are an attempt do not move the sequence', async () => {
  const faults = { ...RELIABLE, seed: 9, rates: { ...RELIABLE.rates, declined: 0.5 } };
  await gateway.setFaults(faults);
  const expected = Array.from({ length: 8 }, (_, index) => (outcomeOf(faults, index + 1).declined ? '402' : '201'));
  const outcomes: string[] = [];
  for (const _ of expected) {
    expect((await gateway.pay({ body: { amount: 1 } })).status).toBe(400);
    expect((await gateway.pay({ body: { ...VISA, paymentMethod: 'pm_nobody' } })).status).toBe(422);
    expect((await gateway.pay({ token: 'wrong' })).status).toBe(401);
    outcomes.push(await seen(gateway, randomUUID(), 5_000));
  }
  expect(outcomes).toEqual(expected);
});

test('a hanging request is cut off at its limit', async () => {
  const hasty = await rig.startReplica({ hangLimitMs: 200 });
  await gateway.setFaults({ rates: { timeoutAfterCapture: 1 } });
  const key = randomUUID();
  expect(await seen(hasty, key, 5_000)).toMatch(/^(ECONNRESET|UND_ERR_SOCKET)$/);
  await gateway.setFaults(RELIABLE);
  expect((await gateway.find(key)).status).toBe(200);
  await hasty.stop();
});

test('no more requests are kept waiting than there is room for', async () => {
  const small = await rig.startReplica({ maxInHand: 2 });
  await gateway.setFaults({ rates: { timeoutAfterCapture: 1 } });
  const keys = [randomUUID(), randomUUID()];
  const hanging = keys.map((key) => seen(small, key, 2_000));
  for (const key of keys) await until('a capture', async () => (await gateway.find(key)).status === 200);
  const refused = await small.pay();
  expect(refused).toMatchObject({ status: 503, body: { code: 'service_unavailable' } });
  expect(refused.headers.get('retry-after')).toBe('1');
  expect((await gateway.find(refused.key)).status).toBe(404);
  await until('all to hang', async () => (await small.activity()).inFlight === 0);
  expect(await Promise.all(hanging)).toEqual(['TimeoutError', 'TimeoutError']);
  await gateway.setFaults(RELIABLE);
  await until('room again', async () => (await small.pay()).status === 201);
  await small.stop();
});

test('a stop decides the payments in hand and cuts off what hangs', async () => {
  const leaving = await rig.startReplica();
  await gateway.setFaults({ rates: { timeoutAfterCapture: 1 } });
  const hungKey = randomUUID();
  const hung = seen(leaving, hungKey, 10_000);
  await until('one to hang', async () => (await gateway.find(hungKey)).status === 200);
  await gateway.setFaults({ latency: { p50Ms: 60_000, p99Ms: 60_000 } });
  const slow = leaving.pay();
  await until('one to wait', async () => (await leaving.activity()).inFlight === 1);
  const startedAtMs = performance.now();
  await leaving.stop();
  expect(performance.now() - startedAtMs).toBeLessThan(5_000);
  expect(await hung).toMatch(/^(ECONNRESET|UND_ERR_SOCKET)$/);
  const { key, status } = await slow;
  expect(status).toBe(201);
  await gateway.setFaults(RELIABLE);
  expect((await gateway.find(key)).status).toBe(200);
});

async function rowsUnder(key: string): Promise<number> {
  const { rowCount } = await gateway.pool.query('SELECT FROM payment WHERE idempotency_key = $1', [key]);
  return rowCount ?? 0;
}
