import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { LATE_EVENT_MS, outcomeOf } from '../src/decisions/faults.ts';
import { openRig, RELIABLE, type Replica, type Rig, until, VISA } from './rig.ts';

let rig: Rig;
let gateway: Replica;
let paymentId: string;

beforeAll(async () => {
  rig = await openRig();
  gateway = await rig.startReplica();
});
beforeEach(async () => {
  await gateway.setFaults(RELIABLE);
  paymentId = (await gateway.pay({ body: { ...VISA, amount: 100_000 } })).body.id;
});
afterAll(() => rig.close());

/** How a client sees an attempt: the status, or the reason why there was none. */
async function seen(key: string, timeoutMs = 300): Promise<string> {
  return gateway.refund(paymentId, { key, timeoutMs }).then(
    ({ status }) => String(status),
    (error: Error & { cause?: { code?: string } }) => error.cause?.code ?? error.name,
  );
}

async function refundedAmount(): Promise<number> {
  const { rows } = await gateway.pool.query('SELECT refunded_amount FROM payment WHERE id = $1', [paymentId]);
  return rows[0].refunded_amount;
}

test.each([
  ['error500', 500, 'internal_error'],
  ['unavailable503', 503, 'service_unavailable'],
])('%s: nothing is given back, and the same key succeeds later', async (fault, status, code) => {
  await gateway.setFaults({ rates: { [fault]: 1 } });
  const { key, ...answer } = await gateway.refund(paymentId);
  expect(answer).toMatchObject({ status, body: { code } });
  expect(answer.headers.get('retry-after')).toBe(status === 503 ? '1' : null);
  expect((await gateway.findRefund(key)).status).toBe(404);
  expect(await rig.eventsOf(gateway, key)).toEqual([]);
  expect((await gateway.refund(paymentId, { key })).status).toBe(201);
  expect(await refundedAmount()).toBe(2_000);
});

test('declined: is no fault of refunds', async () => {
  await gateway.setFaults({ rates: { declined: 1 } });
  expect((await gateway.refund(paymentId)).status).toBe(201);
});

test('timeoutBeforeCapture: no answer, and nothing is ever given back by that attempt', async () => {
  await gateway.setFaults({ rates: { timeoutBeforeCapture: 1 } });
  const key = randomUUID();
  const { handled } = await gateway.activity();
  expect(await seen(key)).toBe('TimeoutError');
  await until('the hanging request to end', async () => (await gateway.activity()).handled === handled + 1);
  expect((await gateway.findRefund(key)).status).toBe(404);
  expect(await rig.eventsOf(gateway, key)).toEqual([]);
  expect((await gateway.refund(paymentId, { key })).status).toBe(201);
});

test('timeoutAfterCapture: no answer, but one refund and one event, and a repeat gets the answer', async () => {
  await gateway.setFaults({ rates: { timeoutAfterCapture: 1 } });
  const key = randomUUID();
  expect(await seen(key)).toBe('TimeoutError');
  await until('the refund', async () => (await gateway.findRefund(key)).status === 200);
  expect(await seen(key)).toBe('TimeoutError');
  const found = await gateway.findRefund(key);
  expect(await rig.eventsOf(gateway, key)).toHaveLength(1);
  expect(await gateway.refund(paymentId, { key })).toMatchObject({ status: 201, body: found.body });
  expect(await refundedAmount()).toBe(2_000);
});

test('connectionReset: the connection breaks before or after the refund, as the seed says', async () => {
  const faults = { ...RELIABLE, seed: 42, rates: { ...RELIABLE.rates, connectionReset: 1 } };
  await gateway.setFaults(faults);
  const ends: Record<string, string | undefined> = {};
  for (let attempt = 1; attempt <= 8; attempt++) {
    const key = randomUUID();
    expect(await seen(key, 5_000)).toMatch(/^(ECONNRESET|UND_ERR_SOCKET)$/);
    ends[key] = outcomeOf(faults, attempt).fault;
  }
  expect(new Set(Object.values(ends))).toEqual(new Set(['resetBeforeCapture', 'resetAfterCapture']));
  await gateway.setFaults(RELIABLE);
  for (const [key, fault] of Object.entries(ends)) {
    expect((await gateway.findRefund(key)).status).toBe(fault === 'resetAfterCapture' ? 200 : 404);
    expect((await gateway.refund(paymentId, { key })).status).toBe(201);
    expect(await rig.eventsOf(gateway, key)).toHaveLength(1);
  }
  expect(await refundedAmount()).toBe(8 * 2_000);
});

test('latency: an answer takes as long as it is set to', async () => {
  await gateway.setFaults({ latency: { p50Ms: 250, p99Ms: 250 } });
  const startedAtMs = performance.now();
  expect((await gateway.refund(paymentId)).status).toBe(201);
  expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(249);
});

test('duplicateEvent and lateEvent: the answer comes at once, and the event twice, with one id, some seconds later', async () => {
  await gateway.setFaults({ rates: { lateEvent: 1, duplicateEvent: 1 } });
  const { key } = await gateway.refund(paymentId);
  expect(await gateway.activity()).toMatchObject({ outbox: 2 });
  const events = await rig.eventsOf(gateway, key);
  expect(events).toHaveLength(2);
  expect(events[1]).toEqual(events[0]);
  for (const { event, atMs } of rig.heard.filter((one) => one.event.data.idempotencyKey === key)) {
    expect(atMs - Date.parse(event.data.decidedAt)).toBeGreaterThanOrEqual(LATE_EVENT_MS);
  }
});

test('outage: everything about refunds is refused at once, before anything is looked at', async () => {
  const refunded = await gateway.refund(paymentId);
  await gateway.setFaults({ outage: true, latency: { p50Ms: 60_000, p99Ms: 60_000 } });
  const during = await gateway.refund(paymentId, { body: { amount: 'nonsense' }, timeoutMs: 2_000 });
  expect(during).toMatchObject({ status: 503, body: { code: 'service_unavailable' } });
  expect(during.headers.get('retry-after')).toBe('1');
  expect((await gateway.findRefund(refunded.key)).status).toBe(503);
  await gateway.setFaults(RELIABLE);
  expect(await gateway.findRefund(refunded.key)).toMatchObject({ status: 200, body: refunded.body });
  expect(await refundedAmount()).toBe(2_000);
});

test('a refund is an attempt like a payment: both move one sequence', async () => {
  const faults = { ...RELIABLE, seed: 12, rates: { ...RELIABLE.rates, error500: 0.5 } };
  const expected = Array.from({ length: 10 }, (_, index) => (outcomeOf(faults, index + 1).fault ? 500 : 201));
  expect(new Set(expected).size).toBe(2);
  await gateway.setFaults(faults);
  const statuses: number[] = [];
  for (const index of expected.keys()) {
    const { status } = index % 2 === 0 ? await gateway.refund(paymentId) : await gateway.pay();
    statuses.push(status);
  }
  expect(statuses).toEqual(expected);
});
