import { awaitCondition } from '@evergreen/stack/await-condition.ts';
import type { TestStack } from '@evergreen/stack/testing.ts';
import { io, type Socket } from 'socket.io-client';
import { type Answer, type CallOptions, call, newKey } from './api.ts';

const PASSWORD = 'a long test password';
let people = 0;

export interface Person {
  id: string;
  email: string;
  token: string;
  /** A request to /v1/... as this person. */
  call(path: string, options?: CallOptions): Promise<Answer>;
}

export const asPerson = (
  stack: TestStack,
  session: { user: { id: string; email: string }; accessToken: string },
): Person => ({
  id: session.user.id,
  email: session.user.email,
  token: session.accessToken,
  call: (path, options) => call(`${stack.baseUrl}/v1${path}`, { token: session.accessToken, ...options }),
});

/** Opens an account through the edge, as a visitor would. */
export async function newCustomer(stack: TestStack): Promise<Person> {
  const email = `customer-${++people}@test.example`;
  const body = { email, password: PASSWORD, timeZone: 'Europe/Amsterdam' };
  const answer = await call(`${stack.baseUrl}/v1/auth/register`, { body });
  if (answer.status !== 201) throw new Error(`register answered ${answer.status} ${JSON.stringify(answer.body)}`);
  return asPerson(stack, answer.body);
}

export async function newOperator(stack: TestStack): Promise<Person> {
  const email = `operator-${++people}@test.example`;
  await stack.createOperator(email, PASSWORD);
  const answer = await call(`${stack.baseUrl}/v1/auth/login`, { body: { email, password: PASSWORD } });
  return asPerson(stack, answer.body);
}

/** A payment gateway without delay and without faults, for tests that are about something else. */
export async function calmGateway(operator: Person): Promise<void> {
  const body = { latency: { p50Ms: 0, p99Ms: 0 }, rates: { error500: 0, unavailable503: 0 } };
  await operator.call('/gateway/faults', { method: 'PUT', body });
}

export async function newPlan(
  operator: Person,
  change: Record<string, unknown> = {},
): Promise<{ id: string; name: string }> {
  const body = {
    name: 'Monthly',
    price: { amount: 1_299, currency: 'USD' },
    interval: { unit: 'month', count: 1 },
    ...change,
  };
  const answer = await operator.call('/plans', { key: newKey(), body });
  if (answer.status !== 201) throw new Error(`plan answered ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

export const topUp = (person: Person, amount: number, key: string = newKey()): Promise<Answer> =>
  person.call('/wallet/top-ups', { key, body: { amount, currency: 'USD', paymentMethod: 'pm_card_visa' } });

export const balanceOf = async (person: Person): Promise<number> =>
  (await person.call('/wallet')).body.balances[0]?.amount ?? 0;

export const subscribe = (person: Person, planId: string, key: string = newKey()): Promise<Answer> =>
  person.call('/subscriptions', { key, body: { planId } });

export async function awaitStatus(person: Person, subscriptionId: string, status: string, timeoutMs = 10_000) {
  return awaitCondition(
    async () => {
      const { body } = await person.call(`/subscriptions/${subscriptionId}`);
      return body.status === status ? body : undefined;
    },
    { timeoutMs, intervalMs: 20, what: `subscription ${subscriptionId} to become ${status}` },
  );
}

export interface Heard {
  event: string;
  // biome-ignore lint/suspicious/noExplicitAny: what an event holds is what the tests are about
  data: any;
  atMs: number;
}

/** A browser's socket that keeps all it hears, with the moment it heard it. */
export async function openSocket(stack: TestStack, person: Person) {
  const socket: Socket = io(stack.baseUrl, {
    auth: { token: person.token },
    extraHeaders: { origin: stack.baseUrl },
    reconnectionDelay: 50,
    reconnectionDelayMax: 500,
  });
  const heard: Heard[] = [];
  socket.onAny((event, data) => heard.push({ event, data, atMs: performance.now() }));
  await awaitCondition(async () => (socket.connected ? true : undefined), {
    timeoutMs: 5_000,
    intervalMs: 10,
    what: 'the socket',
  });
  return {
    heard,
    /** The first thing heard at index `from` or later that fits. */
    hear: (what: string, fits: (one: Heard) => boolean, from = 0): Promise<Heard> =>
      awaitCondition(async () => heard.slice(from).find(fits), { timeoutMs: 10_000, intervalMs: 5, what }),
    close: () => socket.close(),
  };
}
