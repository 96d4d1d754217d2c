import { startTestStack, type TestStack } from '@evergreen/stack/testing.ts';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { call } from '../src/api.ts';
import {
  asPerson,
  awaitStatus,
  balanceOf,
  calmGateway,
  newCustomer,
  newOperator,
  newPlan,
  openSocket,
  type Person,
  subscribe,
  topUp,
} from '../src/people.ts';

let stack: TestStack;
let operator: Person;

beforeAll(async () => {
  stack = await startTestStack();
  operator = await newOperator(stack);
  await calmGateway(operator);
}, 60_000);

afterAll(() => stack?.stop(), 30_000);

const advance = (by: string) => operator.call('/clock/advance', { body: { by }, timeoutMs: 30_000 });
const isNotification =
  (type: string, kind?: string) => (one: { event: string; data: { type: string; data: { kind: string } } }) =>
    one.event === 'notification' && one.data.type === type && (kind === undefined || one.data.data.kind === kind);

test('one customer, from the first visit to a renewal that waits for money and gets it', async () => {
  const plan = await newPlan(operator, { graceDays: 7 });

  // Register, and log in again as somebody who comes back.
  const visitor = await newCustomer(stack);
  const login = await call(`${stack.baseUrl}/v1/auth/login`, {
    body: { email: visitor.email, password: 'a long test password' },
  });
  expect(login.status).toBe(200);
  const customer = asPerson(stack, login.body);
  const socket = await openSocket(stack, customer);

  // Top up, and subscribe.
  expect(await topUp(customer, 3_000)).toMatchObject({ status: 201, body: { status: 'succeeded' } });
  await socket.hear('the top-up on the socket', isNotification('payment_succeeded', 'top_up'));
  const created = await subscribe(customer, plan.id);
  expect(created).toMatchObject({ status: 201, body: { planId: plan.id } });
  const { id } = created.body;
  const first = await awaitStatus(customer, id, 'active');
  expect(first.access).toBe(true);
  expect(await balanceOf(customer)).toBe(1_701);

  // One period later it has renewed by itself.
  expect(await advance('P1M')).toMatchObject({ status: 200, body: { steps: expect.any(Number) } });
  const second = (await customer.call(`/subscriptions/${id}`)).body;
  expect(second).toMatchObject({ status: 'active', currentPeriod: { start: first.currentPeriod.end } });
  const { body: statement } = await customer.call('/wallet/transactions');
  expect(
    statement.data.map(({ kind, amount, balanceAfter }: Record<string, unknown>) => [kind, amount, balanceAfter]),
  ).toEqual([
    ['charge', -1_299, 402],
    ['charge', -1_299, 1_701],
    ['top_up', 3_000, 3_000],
  ]);

  // Another period later the balance is short: it waits, and says so.
  expect(await advance('P1M')).toMatchObject({ status: 200, body: { steps: expect.any(Number) } });
  const waiting = (await customer.call(`/subscriptions/${id}`)).body;
  expect(waiting).toMatchObject({
    status: 'pending_renewal',
    access: false,
    waitingFor: { amount: 1_299, shortfall: 897 },
  });
  const failed = await socket.hear('charge_failed on the socket', isNotification('charge_failed'));
  expect(failed.data).toMatchObject({ readAt: null, data: { shortfall: 897 } });

  // The top-up that covers it brings it back in the same moment.
  const from = socket.heard.length;
  expect(await topUp(customer, 900)).toMatchObject({ status: 201, body: { status: 'succeeded' } });
  const answeredAtMs = performance.now();
  const paid = await socket.hear(
    'payment_succeeded on the socket',
    isNotification('payment_succeeded', 'charge'),
    from,
  );
  expect(paid.atMs - answeredAtMs).toBeLessThan(1_000);
  expect(await awaitStatus(customer, id, 'active')).toMatchObject({ access: true, waitingFor: null });
  expect(await balanceOf(customer)).toBe(3);

  // Notifications: read one, then all.
  const unread = async () => (await customer.call('/notifications/unread-count')).body.unreadCount;
  const before = await unread();
  expect(before).toBeGreaterThanOrEqual(5);
  const marked = await customer.call(`/notifications/${paid.data.id}/read`, { method: 'POST' });
  expect(marked.body).toMatchObject({ id: paid.data.id, readAt: expect.any(String) });
  await socket.hear(
    'the mark on the socket',
    ({ event, data }) => event === 'notifications:read' && data.ids?.includes(paid.data.id),
  );
  expect(await unread()).toBe(before - 1);
  await customer.call('/notifications/read-all', { method: 'POST', body: {} });
  expect(await unread()).toBe(0);
  expect((await customer.call('/notifications?unread=true')).body.data).toEqual([]);

  // The timeline says how it went.
  const { body: timeline } = await customer.call(`/subscriptions/${id}/timeline`);
  const moves = timeline.data.map(({ to }: { to: string }) => to);
  expect(moves).toEqual(expect.arrayContaining(['incomplete', 'active', 'pending_renewal']));
  socket.close();
}, 90_000);
