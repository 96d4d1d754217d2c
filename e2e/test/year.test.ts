import type { Claims } from '@evergreen/stack/test-tokens.ts';
import { startTestStack, type TestStack } from '@evergreen/stack/testing.ts';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { adjust, advance, forEachOf, openCrowd } from '../src/crowd.ts';
import { calmGateway, newPlan, type Person, subscribe, topUp } from '../src/people.ts';
import { startOfPeriod, type Unit, type Vector, vectorsBetween } from '../src/vectors.ts';

const USERS = 200;
const CLIENTS = 8;
/** Those who recover are looked after this often, so they wait no longer. */
const CHUNK_DAYS = 10;
/** A year, and as much as it takes yearly ones that are not paid to end. It is over at another time of day than it began. */
const PLAYED_HOURS = 24 * 385 + 2;
/**
 * Each day of a daily plan is a step of the clock, and each week of a weekly one, and each month of one in a time zone more. So that
 * the whole suite stays short, daily and weekly ones leave after so many days, monthly ones are in two zones, and one vector in four is
 * followed, unless EVERGREEN_YEAR=whole.
 */
const IS_WHOLE = process.env.EVERGREEN_YEAR === 'whole';
const LEAVE_AFTER_DAYS = IS_WHOLE
  ? []
  : ([
      ['day', 7],
      ['week', 42],
    ] as const);
const UNITS = ['day', 'week', 'month', 'year'] as const;
/** Of ten users one is on a daily plan, which alone makes most of the renewals. */
const MIX = ['day', 'week', 'month', 'year', 'week', 'month', 'year', 'month', 'week', 'month'] as const;
const ALL_ZONES = ['UTC', 'Europe/Amsterdam', 'America/New_York', 'Pacific/Auckland'];
/** What falls due within a minute is one step of the clock, and each zone with a summer of its own makes one more a day. */
const ZONES = {
  day: ['America/New_York'],
  week: ['America/New_York'],
  month: IS_WHOLE ? ALL_ZONES : ['Europe/Amsterdam', 'America/New_York'],
  year: ALL_ZONES,
};
/** A notice is a step as well. */
const NOTICE_DAYS = { day: 0, week: 0, month: 0, year: 3 };
const PRICES = { day: 33, week: 199, month: 1_299, year: 9_990 };
/** Periods that those who are short can pay. */
const AFFORDED = { day: 12, week: 9, month: 4, year: 1 };
/** With access, a period that is paid late is the one that was due; without, it starts when it is paid. */
const ACCESS_DURING_GRACE = { day: false, week: false, month: false, year: true };
const GRACE_DAYS = 14;
const PLENTY = 100_000;

interface Subscriber {
  person: Person;
  id: string;
  unit: Unit;
  count: number;
  timeZone: string;
  price: number;
  fate: 'pays' | 'lapses' | 'recovers';
  /** When it was canceled, if it was. */
  leftAt: Temporal.Instant | null;
  creditedMinor: number;
}

interface Period {
  start: Temporal.Instant;
  end: Temporal.Instant;
  amount: number;
  paidAt: Temporal.Instant;
}

let stack: TestStack;
let operator: Person;
let newPerson: (claims?: Claims) => Person;
let wallet: pg.Pool;
let subscriptions: pg.Pool;

beforeAll(async () => {
  stack = await startTestStack();
  wallet = new pg.Pool({ connectionString: stack.databases.wallet.url });
  subscriptions = new pg.Pool({ connectionString: stack.databases.subscriptions.url });
  newPerson = await openCrowd(stack);
  operator = newPerson({ role: 'operator', timeZone: 'UTC' });
  await calmGateway(operator);
}, 90_000);

afterAll(async () => {
  await wallet?.end();
  await subscriptions?.end();
  await stack?.stop();
}, 30_000);

const isAfter = (one: Temporal.Instant, other: Temporal.Instant) => Temporal.Instant.compare(one, other) > 0;
const now = async () => Temporal.Instant.from((await operator.call('/clock')).body.now);

test('a year of 200 subscribers on daily, weekly, monthly and yearly plans: each date and all the money is right', async () => {
  const plans = await createPlans();
  const start = await now();
  const subscribers = await forEachOf([...Array(USERS).keys()], CLIENTS, (index) => begin(index, plans));
  const end = start.add({ hours: PLAYED_HOURS });
  const all = vectorsBetween(start.add({ hours: 24 }), end.subtract({ hours: 24 * 40 }));
  const vectors = all.filter((_, index) => IS_WHOLE || index % 4 === 0);

  const startedAtMs = performance.now();
  const followers: { vector: Vector; one: Subscriber }[] = [];
  let steps = 0;
  for (const stop of stops(start, end, vectors)) {
    if (isAfter(stop.at, await now())) steps += (await advance(operator, { to: String(stop.at) })).steps;
    if (stop.vector) followers.push({ vector: stop.vector, one: await follow(stop.vector) });
    await recover(subscribers);
    if (isAfter(end.subtract({ hours: 24 * CHUNK_DAYS }), stop.at)) await leave(followers);
    for (const [unit, days] of LEAVE_AFTER_DAYS) {
      if (isAfter(stop.at, start.add({ hours: days * 24 }))) await leaveOf(unit, subscribers);
    }
  }
  const seconds = (performance.now() - startedAtMs) / 1000;

  const played = await now();
  const periods = await readPeriods();
  const renewals = [...periods.values()].reduce((sum, { length }) => sum + length - 1, 0);
  process.stderr.write(
    `year.test.ts: ${renewals} renewals and ${followers.length} vectors in ${steps} steps and ${seconds.toFixed(1)} s: ` +
      `${Math.round(renewals / seconds)} renewals/s, ${((1000 * seconds) / steps).toFixed(0)} ms a step\n`,
  );
  for (const one of subscribers) expectDates(one, periods.get(one.id) ?? [], played);
  for (const { vector, one } of followers) expectVector(vector, periods.get(one.id) ?? []);
  await expectStatuses([...subscribers, ...followers.map(({ one }) => one)]);
  await expectMoney([...subscribers, ...followers.map(({ one }) => one)], periods);
  await expectStatements(subscribers, periods);
}, 600_000);

async function createPlans(): Promise<Map<Unit, string>> {
  const made = await forEachOf(UNITS, 1, async (unit): Promise<[Unit, string]> => {
    const { id } = await newPlan(operator, {
      name: `Every ${unit}`,
      price: { amount: PRICES[unit], currency: 'USD' },
      interval: { unit, count: 1 },
      graceDays: GRACE_DAYS,
      accessDuringGrace: ACCESS_DURING_GRACE[unit],
      noticeDays: NOTICE_DAYS[unit],
    });
    return [unit, id];
  });
  return new Map(made);
}

/** Units and zones in all combinations; of ten users with the same one is short for ever, and one for a while. */
async function begin(index: number, plans: Map<Unit, string>): Promise<Subscriber> {
  const unit = MIX[index % MIX.length] as Unit;
  const zones = ZONES[unit];
  const timeZone = zones[Math.floor(index / MIX.length) % zones.length] as string;
  const group = Math.floor(index / (MIX.length * ALL_ZONES.length));
  // Who recovers has a calendar of its own from then on, and each of its days or weeks would be one more step.
  const fate = group === 0 ? 'lapses' : group === 1 && (unit === 'month' || unit === 'year') ? 'recovers' : 'pays';
  const creditedMinor = fate === 'pays' ? PLENTY : AFFORDED[unit] * PRICES[unit];
  const person = newPerson({ timeZone });
  expect(await adjust(operator, person, creditedMinor)).toMatchObject({ status: 201 });
  const { status, body } = await subscribe(person, plans.get(unit) ?? '');
  expect(status).toBe(201);
  return { person, id: body.id, unit, count: 1, timeZone, price: PRICES[unit], fate, leftAt: null, creditedMinor };
}

/** Every ten days, and each moment at which somebody new enters a vector. */
function stops(start: Temporal.Instant, end: Temporal.Instant, vectors: readonly Vector[]) {
  const chunks = Array.from({ length: Math.ceil(PLAYED_HOURS / 24 / CHUNK_DAYS) }, (_, n) => ({
    at: start.add({ hours: 24 * CHUNK_DAYS * (n + 1) }),
    vector: undefined,
  })).filter(({ at }) => isAfter(end, at));
  const entries = vectors.map((vector) => ({ at: vector.starts[0] ?? end, vector }));
  return [...chunks, ...entries, { at: end, vector: undefined }].sort((a, b) => Temporal.Instant.compare(a.at, b.at));
}

/** Somebody new subscribes at the very moment a vector begins, give or take the time a request takes. */
async function follow({ shows, unit, count, timeZone }: Vector): Promise<Subscriber> {
  const price = 7;
  const plan = await newPlan(operator, {
    name: shows.slice(0, 80),
    price: { amount: price, currency: 'USD' },
    interval: { unit, count },
    noticeDays: 0,
  });
  const person = newPerson({ timeZone });
  await adjust(operator, person, PLENTY);
  const { body } = await subscribe(person, plan.id);
  return { person, id: body.id, unit, count, timeZone, price, fate: 'pays', leftAt: null, creditedMinor: PLENTY };
}

/** Who has followed a vector of days or weeks to its end leaves: each of those to come would be one more step of the clock. */
async function leave(followers: readonly { vector: Vector; one: Subscriber }[]): Promise<void> {
  const reached = await now();
  for (const { vector, one } of followers) {
    const last = vector.starts.at(-1);
    const isDone = (one.unit === 'day' || one.unit === 'week') && last && isAfter(reached, last);
    if (isDone && !one.leftAt) await cancel(one);
  }
}

async function leaveOf(plan: Unit, subscribers: readonly Subscriber[]): Promise<void> {
  const staying = subscribers.filter(({ unit, fate, leftAt }) => unit === plan && fate === 'pays' && !leftAt);
  await forEachOf(staying, CLIENTS, cancel);
}

async function cancel(one: Subscriber): Promise<void> {
  one.leftAt = await now();
  const { status } = await one.person.call(`/subscriptions/${one.id}/cancel`, { method: 'POST', body: {} });
  expect(status).toBe(200);
}

async function recover(subscribers: readonly Subscriber[]): Promise<void> {
  const mayWait = subscribers.filter(({ fate, creditedMinor }) => fate === 'recovers' && creditedMinor < PLENTY);
  await forEachOf(mayWait, CLIENTS, async (one) => {
    const { body } = await one.person.call(`/subscriptions/${one.id}`);
    if (body.status !== 'pending_renewal') return;
    expect(body.access).toBe(ACCESS_DURING_GRACE[one.unit]);
    expect(await topUp(one.person, PLENTY)).toMatchObject({ status: 201 });
    one.creditedMinor += PLENTY;
  });
}

async function readPeriods(): Promise<Map<string, Period[]>> {
  const { rows } = await subscriptions.query<{ id: string; start: Date; end: Date; amount: string; paid_at: Date }>(
    `SELECT subscription_id AS id, period_start AS start, period_end AS "end", amount, paid_at FROM paid_charge
     WHERE bought = 'period' ORDER BY period_start`,
  );
  const periods = new Map<string, Period[]>();
  for (const { id, start, end, amount, paid_at } of rows) {
    const period = { start: instant(start), end: instant(end), amount: Number(amount), paidAt: instant(paid_at) };
    periods.set(id, [...(periods.get(id) ?? []), period]);
  }
  return periods;
}

const instant = (date: Date) => Temporal.Instant.fromEpochMilliseconds(date.getTime());
const datesOf = (periods: readonly Pick<Period, 'start' | 'end'>[]) =>
  periods.map(({ start, end }) => `${start} to ${end}`);

function expectDates(one: Subscriber, periods: readonly Period[], played: Temporal.Instant): void {
  const anchor = periods[0]?.start ?? played;
  const before = AFFORDED[one.unit];
  if (one.fate === 'lapses') {
    expect(datesOf(periods)).toEqual(datesOf(calendar(one, anchor, before)));
  } else if (one.fate === 'pays' || ACCESS_DURING_GRACE[one.unit]) {
    expect(datesOf(periods)).toEqual(datesOf(calendarUntil(one, anchor, one.leftAt ?? played)));
  } else {
    // The wait had no access, so the calendar begins anew where the top-up came.
    const again = periods[before];
    if (!again) throw new Error(`subscription ${one.id} has not recovered`);
    expect(isAfter(again.start, startOfPeriod(anchor, one, before))).toBe(true);
    expect(String(again.start)).toBe(String(again.paidAt));
    const expected = [...calendar(one, anchor, before), ...calendarUntil(one, again.start, played)];
    expect(datesOf(periods)).toEqual(datesOf(expected));
  }
}

const calendar = (one: Subscriber, anchor: Temporal.Instant, length: number) =>
  Array.from({ length }, (_, n) => ({ start: startOfPeriod(anchor, one, n), end: startOfPeriod(anchor, one, n + 1) }));

/** Every period that has begun by `until`. */
function calendarUntil(one: Subscriber, anchor: Temporal.Instant, until: Temporal.Instant) {
  let length = 0;
  while (!isAfter(startOfPeriod(anchor, one, length), until)) length++;
  return calendar(one, anchor, length);
}

/** All dates are those of the vector, later by the moments that the first request took. */
function expectVector({ shows, starts }: Vector, periods: readonly Period[]): void {
  const [entry, first] = [starts[0], periods[0]];
  if (!entry || !first) throw new Error(`nobody entered "${shows}"`);
  const late = entry.until(first.start);
  expect(late.total('seconds')).toBeGreaterThanOrEqual(0);
  expect(late.total('seconds')).toBeLessThan(60);
  const expected = periods.map((_, n) => ({ start: starts[n], end: starts[n + 1] })).filter(({ end }) => end);
  const inVector = periods.slice(0, expected.length).map(({ start, end }) => ({
    start: start.subtract(late),
    end: end.subtract(late),
  }));
  expect([shows, ...datesOf(inVector)]).toEqual([shows, ...datesOf(expected as typeof inVector)]);
}

async function expectStatuses(subscribers: readonly Subscriber[]): Promise<void> {
  const { rows } = await subscriptions.query<{ id: string; status: string }>('SELECT id, status FROM subscription');
  const statuses = new Map(rows.map(({ id, status }) => [id, status]));
  for (const { id, fate, leftAt } of subscribers) {
    expect([id, statuses.get(id)]).toEqual([id, fate === 'lapses' || leftAt ? 'expired' : 'active']);
  }
}

/** To the minor unit and per user: what came in, less a price for each period, is what is left. */
async function expectMoney(subscribers: readonly Subscriber[], periods: Map<string, Period[]>): Promise<void> {
  const { rows } = await wallet.query<{ user_id: string; balance: string; debits: number; debited: string }>(
    `SELECT a.user_id, a.balance, count(t.id)::int AS debits, coalesce(sum(t.amount), 0) AS debited
     FROM account a LEFT JOIN transfer t ON t.account_id = a.id AND t.kind = 'charge'
     WHERE a.kind = 'user' GROUP BY a.id`,
  );
  const books = new Map(rows.map((row) => [row.user_id, row]));
  for (const { person, id, price, creditedMinor } of subscribers) {
    const paid = periods.get(id) ?? [];
    expect(new Set(paid.map(({ amount }) => amount))).toEqual(new Set([price]));
    const debited = paid.length * price;
    expect(books.get(person.id)).toEqual({
      user_id: person.id,
      balance: String(creditedMinor - debited),
      debits: paid.length,
      debited: String(debited),
    });
  }
}

/** What the customer is shown is the same: one line a period, each leaving the balance that the next one starts from. */
async function expectStatements(subscribers: readonly Subscriber[], periods: Map<string, Period[]>): Promise<void> {
  const some = subscribers.filter((_, index) => index % 17 === 0);
  await forEachOf(some, CLIENTS, async ({ person, id }) => {
    const lines = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const { body } = await person.call(`/wallet/transactions?limit=100${cursor && `&cursor=${cursor}`}`);
      lines.push(...body.data);
      cursor = body.nextCursor;
    }
    expect(lines.filter(({ kind }) => kind === 'charge')).toHaveLength(periods.get(id)?.length ?? 0);
    let balance = 0;
    for (const { amount, balanceAfter } of lines.reverse()) {
      balance += amount;
      expect(balanceAfter).toBe(balance);
    }
    expect((await person.call('/wallet')).body.balances).toEqual([{ amount: balance, currency: 'USD' }]);
  });
}
