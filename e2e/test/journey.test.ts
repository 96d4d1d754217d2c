import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  awaitStatus,
  balanceOf,
  calmGateway,
  logIn,
  newCustomer,
  newOperator,
  newPlan,
  openSocket,
  type Person,
  subscribe,
  topUp,
} from '../src/people.ts';
import { openSystem, type System } from '../src/system.ts';

let stack: System;
let operator: Person;

beforeAll(async () => {
  stack = await openSystem();
  operator = await newOperator(stack);
  await calmGateway(operator);
}, 60_000);

afterAll(() => stack?.stop(), 30_000);

const advance = async (by: string) => (await operator.api.POST('/v1/clock/advance', { body: { by } })).data;
const isNotification =
  (type: string, kind?: string) => (one: { event: string; data: { type: string; data: { kind: string } } }) =>
    one.event === 'notification' && one.data.type === type && (kind === undefined || one.data.data.kind === kind);

test('one customer, from the first visit to a renewal that waits for money and gets it', async () => {
  const plan = await newPlan(operator, { graceDays: 7 });

  // Register, and log in again as somebody who comes back.
  const visitor = await newCustomer(stack);
  const customer = await logIn(stack, visitor.email);
  const { api } = customer;
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
  expect(await advance('P1M')).toMatchObject({ steps: expect.any(Number) });
  const byId = { params: { path: { id } } };
  const { data: second } = await api.GET('/v1/subscriptions/{id}', byId);
  expect(second).toMatchObject({ status: 'active', currentPeriod: { start: first.currentPeriod.end } });
  const { data: statement } = await api.GET('/v1/wallet/transactions');
  expect(statement?.data.map(({ kind, amount, balanceAfter }) => [kind, amount, balanceAfter])).toEqual([
    ['charge', -1_299, 402],
    ['charge', -1_299, 1_701],
    ['top_up', 3_000, 3_000],
  ]);

  // Another period later the balance is short: it waits, and says so.
  expect(await advance('P1M')).toMatchObject({ steps: expect.any(Number) });
  const { data: waiting } = await api.GET('/v1/subscriptions/{id}', byId);
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
  const unread = async () => (await api.GET('/v1/notifications/unread-count')).data?.unreadCount ?? Number.NaN;
  const before = await unread();
  expect(before).toBeGreaterThanOrEqual(5);
  const { data: marked } = await api.POST('/v1/notifications/{id}/read', { params: { path: { id: paid.data.id } } });
  expect(marked).toMatchObject({ id: paid.data.id, readAt: expect.any(String) });
  await socket.hear(
    'the mark on the socket',
    ({ event, data }) => event === 'notifications:read' && data.ids?.includes(paid.data.id),
  );
  expect(await unread()).toBe(before - 1);
  await api.POST('/v1/notifications/read-all', { body: {} });
  expect(await unread()).toBe(0);
  const { data: left } = await api.GET('/v1/notifications', { params: { query: { unread: true } } });
  expect(left?.data).toEqual([]);

  // The timeline says how it went.
  const { data: timeline } = await api.GET('/v1/subscriptions/{id}/timeline', byId);
  const moves = timeline?.data.map(({ to }) => to);
  expect(moves).toEqual(expect.arrayContaining(['incomplete', 'active', 'pending_renewal']));
  socket.close();
}, 90_000);
