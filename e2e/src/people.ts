import { randomBytes } from 'node:crypto';
import { createClient, type EvergreenClient } from '@evergreen/client/client.ts';
import type { schemas } from '@evergreen/client/generated/api.ts';
import { awaitCondition } from '@evergreen/stack/await-condition.ts';
import { SECRET_MARKER } from '@evergreen/stack/secret-search.ts';
import { io, type Socket } from 'socket.io-client';
import { type Answer, type CallOptions, call, newKey } from './api.ts';
import type { System } from './system.ts';

const PASSWORD = `${SECRET_MARKER}a-long-test-password`;
/** The billing clock may be moved far. */
const LONGEST_MS = 60_000;
/** Sets those of this run apart, on a system where others were before. */
const run = randomBytes(4).toString('hex');
let people = 0;

export interface Person {
  id: string;
  email: string;
  token: string;
  /** The typed client, as this person. */
  api: EvergreenClient;
  /** A request to /v1/... as this person. */
  call(path: string, options?: CallOptions): Promise<Answer>;
}

export const asPerson = (
  stack: Pick<System, 'baseUrl'>,
  session: { user: { id: string; email: string }; accessToken: string },
): Person => ({
  id: session.user.id,
  email: session.user.email,
  token: session.accessToken,
  api: createClient({ baseUrl: stack.baseUrl, session: { accessToken: session.accessToken }, timeoutMs: LONGEST_MS }),
  call: (path, options) => call(`${stack.baseUrl}/v1${path}`, { token: session.accessToken, ...options }),
});

/** Opens an account through the edge, as a visitor would. */
export async function newCustomer(stack: Pick<System, 'baseUrl'>, timeZone = 'Europe/Amsterdam'): Promise<Person> {
  const email = `customer-${++people}-${run}@test.example`;
  const body = { email, password: PASSWORD, timeZone };
  const { data, error } = await visitor(stack).POST('/v1/auth/register', { body });
  if (!data) throw new Error(`register answered ${JSON.stringify(error)}`);
  return asPerson(stack, data);
}

/** The typed client of somebody who has not logged in. */
export const visitor = (stack: Pick<System, 'baseUrl'>): EvergreenClient => createClient({ baseUrl: stack.baseUrl });

/** Somebody who comes back; everybody here has the same password. */
export async function logIn(stack: Pick<System, 'baseUrl'>, email: string, password = PASSWORD): Promise<Person> {
  const { data, error } = await visitor(stack).POST('/v1/auth/login', { body: { email, password } });
  if (!data) throw new Error(`login answered ${JSON.stringify(error)}`);
  return asPerson(stack, data);
}

/** An operator of the system; a new one, where it can be made. */
export async function newOperator(stack: Omit<System, 'stop'>): Promise<Person> {
  if (stack.operator) return logIn(stack, stack.operator.email, stack.operator.password);
  const email = `operator-${++people}-${run}@test.example`;
  await stack.createOperator?.(email, PASSWORD);
  return logIn(stack, email);
}

/** A payment gateway without delay and without faults, for tests that are about something else. */
export async function calmGateway(operator: Person): Promise<void> {
  const body = { latency: { p50Ms: 0, p99Ms: 0 }, rates: { error500: 0, unavailable503: 0 } };
  const { error } = await operator.api.PUT('/v1/gateway/faults', { body });
  if (error) throw new Error(`faults answered ${JSON.stringify(error)}`);
}

export async function newPlan(operator: Person, change: Record<string, unknown> = {}): Promise<schemas['Plan']> {
  const body = {
    name: 'Monthly',
    price: { amount: 1_299, currency: 'USD' },
    interval: { unit: 'month', count: 1 },
    ...change,
  } as schemas['CreatePlanBody'];
  const { data, error } = await operator.api.POST('/v1/plans', { body });
  if (!data) throw new Error(`plan answered ${JSON.stringify(error)}`);
  return data;
}

interface TypedAnswer {
  data?: unknown;
  error?: unknown;
  response: Response;
}

/** For tests that look into an answer whatever it is. */
const answerOf = ({ data, error, response }: TypedAnswer): Answer => ({
  status: response.status,
  headers: response.headers,
  body: data ?? error,
});

export const topUp = async (person: Person, amount: number, key: string = newKey()): Promise<Answer> =>
  answerOf(
    await person.api.POST('/v1/wallet/top-ups', {
      params: { header: { 'idempotency-key': key } },
      body: { amount, currency: 'USD', paymentMethod: 'pm_card_visa' },
    }),
  );

export async function balanceOf(person: Person): Promise<number> {
  const { data } = await person.api.GET('/v1/wallet');
  return data?.balances[0]?.amount ?? 0;
}

export const subscribe = async (person: Person, planId: string, key: string = newKey()): Promise<Answer> =>
  answerOf(
    await person.api.POST('/v1/subscriptions', { params: { header: { 'idempotency-key': key } }, body: { planId } }),
  );

/** Ends a subscription at once; what is unused of it is given back. */
export const cancelNow = (person: Person, subscriptionId: string): Promise<Answer> =>
  person.call(`/subscriptions/${subscriptionId}/cancel`, { key: newKey(), body: { at: 'now', refund: 'prorated' } });

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
export async function openSocket(stack: Pick<System, 'baseUrl'>, person: Person) {
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
