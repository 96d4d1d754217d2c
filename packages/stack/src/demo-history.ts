import { randomUUID } from 'node:crypto';
import { demoEmail, mustSucceed, operatorEmail, request, type SeedOptions } from './seed.ts';

/*
 * Some months in the life of a small shop, played through the public API alone: people join, top up, run short, leave and come
 * back, and the billing clock is moved from one to the next. What charts and lists show afterwards has all happened.
 */

/** From a day of the story on, as a day's number from its start. */
interface Act {
  on: number;
  /** `demo`, or the part of an email before the @. */
  who: string;
  does: (customer: Customer, operator: Operator) => Promise<unknown>;
}

type Customer = ReturnType<typeof customerOf>;
type Operator = ReturnType<typeof operatorOf>;

const LAST_DAY = 120;
const ZONES = ['Europe/Amsterdam', 'America/New_York', 'Europe/Berlin', 'Asia/Tokyo'];

const joins =
  (plan: string, topUp: number) =>
  async ({ topsUp, subscribes }: Customer) => {
    await topsUp(topUp);
    await subscribes(plan);
  };

// Amounts are cents. Enough for the whole time are the prices of some four months; who has less runs short on the way.
const STORY: Act[] = [
  { on: 0, who: 'demo', does: joins('Monthly', 3_000) },
  { on: 0, who: 'ada', does: joins('Monthly', 9_000) },
  { on: 0, who: 'grace', does: joins('Weekly', 3_000) },
  { on: 2, who: 'linus', does: joins('Yearly', 15_000) },
  { on: 5, who: 'edsger', does: joins('Monthly', 2_000) },
  { on: 9, who: 'demo', does: ({ subscribes }) => subscribes('Day Pass') },
  { on: 10, who: 'demo', does: ({ does }) => does('Day Pass', 'cancel') },
  { on: 14, who: 'barbara', does: joins('Monthly', 12_000) },
  { on: 21, who: 'donald', does: joins('Weekly', 9_000) },
  { on: 28, who: 'margaret', does: joins('Monthly', 7_000) },
  { on: 33, who: 'edsger', does: ({ topsUp }) => topsUp(5_000) },
  { on: 40, who: 'frances', does: joins('Monthly', 1_500) },
  { on: 45, who: 'barbara', does: ({ does }) => does('Monthly', 'pause') },
  { on: 52, who: 'alan', does: joins('Yearly', 13_000) },
  { on: 60, who: 'demo', does: ({ savesCard }) => savesCard('pm_card_visa') },
  { on: 62, who: 'demo', does: ({ topsUp }) => topsUp(2_500) },
  { on: 66, who: 'barbara', does: ({ does }) => does('Monthly', 'resume') },
  { on: 70, who: 'katherine', does: joins('Monthly', 9_000) },
  { on: 75, who: 'ada', does: ({ does }) => does('Monthly', 'cancel') },
  { on: 80, who: 'john', does: joins('Weekly', 1_200) },
  { on: 84, who: 'demo', does: ({ id }, { credits }) => credits(id, 500, 'Sorry for the hiccup last week') },
  { on: 88, who: 'hedy', does: joins('Monthly', 1_500) },
  { on: 92, who: 'margaret', does: ({ changesPlan }) => changesPlan('Monthly', 'Weekly') },
  { on: 99, who: 'dennis', does: joins('Monthly', 4_000) },
  { on: 108, who: 'barbara', does: joins('Weekly', 1_000) },
  { on: 112, who: 'donald', does: ({ does }) => does('Weekly', 'pause') },
  { on: 115, who: 'katherine', does: ({ does }) => does('Monthly', 'cancel') },
  { on: LAST_DAY - 1, who: 'radia', does: joins('Monthly', 2_000) },
];

/**
 * Plays the story, unless the demo account has a subscription already: then somebody has, or is at work by themselves. It moves
 * the billing clock by some four months.
 * @throws Error when a request is refused
 */
export async function playHistory(options: Pick<SeedOptions, 'baseUrl' | 'operatorEmail' | 'password'>): Promise<void> {
  const { baseUrl, password } = options;
  const operator = operatorOf(await logIn(baseUrl, options.operatorEmail ?? operatorEmail, password));
  const demo = await logIn(baseUrl, demoEmail, password);
  const plans = await operator.planIds();
  const customers = new Map<string, Customer>([['demo', customerOf(demo, plans)]]);
  if (await customers.get('demo')?.hasSubscriptions()) return;
  const start = await operator.now();
  for (const { on, who, does } of STORY) {
    await operator.movesClockTo(start.add({ hours: 24 * on }));
    const customer = customers.get(who) ?? customerOf(await register(baseUrl, who, password, customers.size), plans);
    customers.set(who, customer);
    await does(customer, operator);
  }
  await operator.movesClockTo(start.add({ hours: 24 * LAST_DAY }));
}

/** Somebody who is signed in. */
interface Person {
  id: string;
  call: <T>(method: 'GET' | 'POST', path: string, body?: unknown) => Promise<T>;
}

async function logIn(baseUrl: string, email: string, password: string): Promise<Person> {
  return signedIn(baseUrl, await request(baseUrl, 'POST', '/v1/auth/login', { body: { email, password } }), email);
}

async function register(baseUrl: string, name: string, password: string, index: number): Promise<Person> {
  const email = `${name}@evergreen.test`;
  const body = { email, password, timeZone: ZONES[index % ZONES.length], locale: 'en' };
  const answer = await request(baseUrl, 'POST', '/v1/auth/register', { body });
  // From a story that was cut off before its first subscription.
  return answer.status === 409 ? logIn(baseUrl, email, password) : signedIn(baseUrl, answer, email);
}

function signedIn(baseUrl: string, answer: Awaited<ReturnType<typeof request>>, email: string): Person {
  const { user, accessToken } = mustSucceed<{ user: { id: string }; accessToken: string }>(answer, `sign in ${email}`);
  return {
    id: user.id,
    call: async (method, path, body) => {
      const idempotencyKey = method === 'POST' ? randomUUID() : undefined;
      const answered = await request(baseUrl, method, path, {
        accessToken,
        body,
        ...(idempotencyKey && { idempotencyKey }),
      });
      return mustSucceed(answered, `${method} ${path} as ${email}`);
    },
  };
}

function customerOf({ id, call }: Person, plans: ReadonlyMap<string, string>) {
  const subscriptionTo = async (plan: string): Promise<string> => {
    const { data } = await call<{ data: { id: string; planId: string }[] }>('GET', '/v1/subscriptions');
    return data.find(({ planId }) => planId === plans.get(plan))?.id ?? '';
  };
  return {
    id,
    hasSubscriptions: async () => (await call<{ data: unknown[] }>('GET', '/v1/subscriptions')).data.length > 0,
    topsUp: (amount: number) =>
      call('POST', '/v1/wallet/top-ups', { amount, currency: 'USD', paymentMethod: 'pm_card_visa' }),
    savesCard: (token: string) => call('POST', '/v1/wallet/payment-methods', { token }),
    subscribes: (plan: string) => call('POST', '/v1/subscriptions', { planId: plans.get(plan) }),
    does: async (plan: string, command: 'cancel' | 'pause' | 'resume') =>
      call('POST', `/v1/subscriptions/${await subscriptionTo(plan)}/${command}`),
    changesPlan: async (from: string, to: string) =>
      call('POST', `/v1/subscriptions/${await subscriptionTo(from)}/change-plan`, { planId: plans.get(to) }),
  };
}

function operatorOf({ call }: Person) {
  const now = async () => Temporal.Instant.from((await call<{ now: string }>('GET', '/v1/clock')).now);
  return {
    now,
    movesClockTo: async (to: Temporal.Instant) => {
      if (Temporal.Instant.compare(to, await now()) > 0) await call('POST', '/v1/clock/advance', { to: String(to) });
    },
    planIds: async () => {
      const { data } = await call<{ data: { id: string; name: string }[] }>('GET', '/v1/plans');
      return new Map(data.map(({ id, name }) => [name, id]));
    },
    credits: (userId: string, amount: number, reason: string) =>
      call('POST', `/v1/wallets/${userId}/adjustments`, { amount, currency: 'USD', reason }),
  };
}
