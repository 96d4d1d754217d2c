import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type Customer, newCustomer, plus } from './customer.ts';
import { type Asked, type Body, openRig, type Person, type Replica, type Rig, until, withKey } from './rig.ts';
import { copySubscription, endAll } from './rows.ts';
import { failed, succeeded, voided } from './wallet.ts';

let rig: Rig;
let one: Replica;
let other: Replica;
let operator: Person;
let customer: Customer;
beforeAll(async () => {
  rig = await openRig();
  await rig.readOtherQueues();
  [one, other] = await Promise.all([rig.startReplica(), rig.startReplica()]);
  operator = rig.person({ role: 'operator', zoneinfo: 'UTC' });
});
beforeEach(async () => {
  await pause();
  await endAll(rig);
  await resume();
  rig.answerWith(undefined);
  customer = newCustomer(rig, one);
});
afterAll(() => rig?.close());

const ask = async (method: string, path: string, body?: Body): Promise<Body> => {
  const answer = await one.call(method, path, { ...withKey(operator), ...(body && { body }) });
  if (answer.status >= 300) throw new Error(JSON.stringify(answer.body));
  return answer.body;
};
const pause = () => ask('POST', '/v1/operator/scheduler/pause');
const resume = () => ask('POST', '/v1/operator/scheduler/resume');
const schedulerState = () => ask('GET', '/v1/operator/scheduler');
const preview = (query = '') => ask('GET', `/v1/operator/catch-up-preview${query}`);
const advance = (body: Body) => ask('POST', '/v1/clock/advance', body);
const alwaysPay = (asked: Asked) =>
  rig.say(asked.type.includes('ChargeVoidRequested') ? voided(asked) : succeeded(asked));

const SWEPT = 'evergreen_subscriptions_swept_total';

async function metric(replica: Replica, name: string): Promise<number> {
  const { values } = (await replica.metrics.getSingleMetric(name)?.get()) ?? { values: [] };
  return values.reduce((sum, { value }) => sum + value, 0);
}

/** Both have looked for due work since, from beginning to end. */
async function rested(): Promise<void> {
  for (const replica of [one, other]) {
    const before = await metric(replica, 'evergreen_subscriptions_sweeps_total');
    await until(
      'it to look twice',
      async () => (await metric(replica, 'evergreen_subscriptions_sweeps_total')) >= before + 2,
    );
  }
}

/** What the wallet was asked to debit after the first `from` questions, per currency. */
function askedFor(from: number): Body[] {
  const charges = rig.asked.slice(from).map(({ data }) => data.charge);
  const currencies = [...new Set(charges.map(({ currency }) => currency))].sort();
  return currencies.map((currency) => {
    const amounts = charges.filter((charge) => charge.currency === currency).map(({ amount }) => amount);
    return { currency, count: amounts.length, amount: amounts.reduce((sum, amount) => sum + amount) };
  });
}

async function allAsked(count: number): Promise<void> {
  await until('all to be asked for', async () => {
    const { rows } = await rig.pool.query(
      `SELECT (SELECT count(*) FROM outbox)::int AS outbox, (SELECT count(*) FROM subscription WHERE next_action_at <= $1)::int AS due`,
      [(await ask('GET', '/v1/clock')).now],
    );
    return rows[0].outbox === 0 && rows[0].due === 0 && rig.asked.length >= count;
  });
}

describe('a scheduler that is paused', () => {
  test('says so, with what waits for it, in every replica, and to whoever pauses it again', async () => {
    const { id, currentPeriod } = await customer.activeOne({ noticeDays: 0 });
    expect(await schedulerState()).toMatchObject({ paused: false, pausedAt: null, due: 0, oldestDueAt: null });
    const { pausedAt } = await pause();
    expect(Math.abs(Date.parse(pausedAt) - Date.now())).toBeLessThan(60_000);
    await rig.moveClock({ months: 1, hours: 1 });
    const state = await pause();
    expect(state).toMatchObject({ paused: true, pausedAt, due: 1, oldestDueAt: currentPeriod.end });
    expect(state.lagSeconds).toBeGreaterThan(3_500);
    expect((await other.call('GET', '/v1/operator/scheduler', operator)).body).toMatchObject({ paused: true, due: 1 });
    for (const replica of [one, other]) {
      expect(await metric(replica, 'evergreen_subscriptions_scheduler_paused')).toBe(1);
      expect(await metric(replica, 'evergreen_subscriptions_due')).toBe(1);
      expect(await metric(replica, 'evergreen_subscriptions_due_lag_seconds')).toBeGreaterThan(3_500);
    }
    await resume();
    await customer.asked(id, 2);
    expect(await metric(other, 'evergreen_subscriptions_scheduler_paused')).toBe(0);
  });

  test('does nothing in any replica until it is resumed, and then each thing once', async () => {
    const { id } = await customer.activeOne({ noticeDays: 0 });
    await copySubscription(rig, id, 40);
    await pause();
    const before = rig.asked.length;
    await rig.moveClock({ months: 1, minutes: 1 });
    await rested();
    const swept = async () => (await metric(one, SWEPT)) + (await metric(other, SWEPT));
    const sweptBefore = await swept();
    expect(rig.asked).toHaveLength(before);
    expect(await swept()).toBe(sweptBefore);
    await resume();
    await allAsked(before + 41);
    expect(new Set(rig.asked.slice(before).map(({ subject }) => subject)).size).toBe(41);
    expect(rig.asked).toHaveLength(before + 41);
    expect(await swept()).toBe(sweptBefore + 41);
  });
});

test('Scheduler stopped for three months: one charge per subscription, not three; nothing for cancelled ones', async () => {
  rig.answerWith(alwaysPay);
  const plans: Body[] = [];
  for (const price of [
    { amount: 1_299, currency: 'EUR' },
    { amount: 900, currency: 'USD' },
    { amount: 77, currency: 'USD' },
  ]) {
    plans.push(await customer.createPlan({ name: `For ${price.amount}`, price }));
  }
  const [euro, dollar, cheap] = plans as [Body, Body, Body];
  const trial = await customer.createPlan({ name: 'Trial', trialDays: 10, price: { amount: 500, currency: 'JPY' } });
  const subscribed = async (plan: Body, status = 'active') => {
    const somebody = newCustomer(rig, one);
    const { id } = await one.subscribe(somebody.user, plan.id);
    await somebody.become(id, status);
    return { ...somebody, id };
  };
  const renewing = [await subscribed(euro), await subscribed(euro), await subscribed(dollar)];
  const downgraded = await subscribed(dollar);
  const tried = await subscribed(trial, 'trialing');
  const canceled = [await subscribed(euro), await subscribed(dollar)];
  for (const { id, command } of canceled) await command(id, 'cancel');
  await one.call('POST', `/v1/subscriptions/${downgraded.id}/change-plan`, {
    ...withKey(downgraded.user),
    body: { planId: cheap.id },
  });
  await ask('PATCH', `/v1/plans/${euro.id}`, {
    price: { amount: 1_500, currency: 'EUR' },
    appliesTo: 'all_subscriptions',
  });

  await pause();
  expect(await advance({ by: 'P3M' })).toMatchObject({
    steps: 0,
    summary: { renewed: 0, charged: [] },
  });
  const before = rig.asked.length;
  const { data, ...figures } = await preview();
  expect(figures).toMatchObject({ paused: true, due: 7, nextCursor: null });
  expect(figures.charges).toEqual([
    { currency: 'EUR', count: 2, amount: 3_000 },
    { currency: 'JPY', count: 1, amount: 500 },
    { currency: 'USD', count: 2, amount: 977 },
  ]);
  const itemOf = (id: string) => data.find(({ subscriptionId }: Body) => subscriptionId === id);
  for (const { id } of canceled) expect(itemOf(id)).toMatchObject({ action: 'end', amount: null, skippedPeriods: 0 });
  expect(itemOf(renewing[0]?.id ?? '')).toMatchObject({
    action: 'charge',
    skippedPeriods: 2,
    amount: { amount: 1_500 },
  });
  expect(itemOf(tried.id)).toMatchObject({ action: 'charge', amount: { amount: 500, currency: 'JPY' } });
  expect(itemOf(downgraded.id)).toMatchObject({ planName: 'For 77', amount: { amount: 77 }, skippedPeriods: 2 });

  await resume();
  await allAsked(before + 5);
  await advance({ by: 'PT1S' });
  expect(askedFor(before)).toEqual(figures.charges);
  for (const { id } of [...renewing, downgraded, tried]) {
    const charges = rig.asked.slice(before).filter(({ subject }) => subject === id);
    expect(charges.map(({ data: { charge } }) => charge.period)).toEqual([itemOf(id).period]);
  }
  for (const { id, read } of canceled) {
    expect([rig.askedAbout(id).length, (await read(id)).status]).toEqual([1, 'expired']);
  }
  expect(await preview()).toMatchObject({ paused: false, due: 0, charges: [], data: [] });
});

describe('the preview', () => {
  test('says what becomes of each, in the order of the scheduler, page by page', async () => {
    const waiting = await customer.pendingOne({ graceDays: 2, noticeDays: 0 });
    const daily = await newCustomer(rig, one).activeOne({ interval: { unit: 'day', count: 1 } });
    const first = newCustomer(rig, one);
    const { id: unpaid } = await one.subscribe(first.user, (await first.createPlan()).id);
    await rig.say(failed(await first.asked(unpaid, 1)));
    await until('a day for the first payment', async () => (await first.read(unpaid)).waitingFor?.shortfall === 299);
    const silent = newCustomer(rig, one);
    const { id: unanswered } = await one.subscribe(silent.user, (await silent.createPlan()).id);
    await silent.asked(unanswered, 1);
    await pause();
    await rig.moveClock({ days: 5 });

    const all = await preview();
    expect(new Map(all.data.map(({ subscriptionId, action }: Body) => [subscriptionId, action]))).toEqual(
      new Map([
        [unanswered, 'ask_again'],
        [daily.id, 'charge'],
        [unpaid, 'give_up'],
        [waiting.id, 'give_up'],
      ]),
    );
    const { rows } = await rig.pool.query(
      'SELECT id FROM subscription WHERE next_action_at IS NOT NULL ORDER BY next_action_at',
    );
    expect(all.data.map(({ subscriptionId }: Body) => subscriptionId)).toEqual(rows.map(({ id }) => id));
    const skipped = all.data.map(({ skippedPeriods }: Body) => skippedPeriods).sort();
    expect(skipped).toEqual([0, 0, 0, 4]);
    const pages: Body[] = [];
    for (let query = '?limit=1'; query; ) {
      const page = await preview(query);
      pages.push(...page.data);
      expect(page).toMatchObject({ due: 4, charges: all.charges });
      query = page.nextCursor && `?limit=1&cursor=${page.nextCursor}`;
    }
    expect(pages).toEqual(all.data);
    expect(await preview(`?cursor=${Buffer.from('1/2').toString('base64url')}`).catch(String)).toMatch(/query.cursor/);
  });

  test('of many that fell due in one moment shows each once', async () => {
    const { id, currentPeriod } = await customer.activeOne({ noticeDays: 0 });
    await copySubscription(rig, id, 30);
    await pause();
    await rig.moveClock({ months: 1, minutes: 1 });
    const seen = new Set<string>();
    for (let query = '?limit=7'; query; ) {
      const page = await preview(query);
      for (const { subscriptionId, dueSince } of page.data) {
        seen.add(subscriptionId);
        expect(dueSince).toBe(currentPeriod.end);
      }
      query = page.nextCursor && `?limit=7&cursor=${page.nextCursor}`;
    }
    expect(seen.size).toBe(31);
  });

  test('shows a notice that is due, and when what comes too late for one was due', async () => {
    const { id, currentPeriod } = await customer.activeOne({ noticeDays: 3 });
    await pause();
    await rig.moveClock({ days: 28 });
    const dueSince = plus(currentPeriod.end, { days: -3 });
    expect((await preview()).data).toMatchObject([{ subscriptionId: id, action: 'notice', dueSince, amount: null }]);
    await rig.moveClock({ days: 28 });
    expect((await preview()).data).toMatchObject([
      { action: 'charge', dueSince: currentPeriod.end, skippedPeriods: 0 },
    ]);
  });

  test('shows one that cannot be moved for what it is, and the others all the same', async () => {
    const fine = await customer.activeOne({ noticeDays: 0 });
    const broken = await newCustomer(rig, one).activeOne({ noticeDays: 0 });
    await pause();
    await rig.moveClock({ months: 1, minutes: 1 });
    await rig.pool.query(`UPDATE subscription SET time_zone = 'Middle/Earth' WHERE id = $1`, [broken.id]);
    expect((await preview()).data).toMatchObject([
      { subscriptionId: fine.id, action: 'charge' },
      { subscriptionId: broken.id, action: 'stuck', amount: null, dueSince: broken.currentPeriod.end },
    ]);
    expect(one.log).toContainEqual(
      expect.objectContaining({ subscriptionId: broken.id, msg: 'a due subscription cannot be moved' }),
    );
  });
});

const TOLD = new Set(['catching up', 'caught up']);

describe('a long catch-up', () => {
  test('is told in the log, with how much is left, to its end', async () => {
    const { id } = await customer.activeOne({ noticeDays: 0 });
    await copySubscription(rig, id, 1_099);
    await pause();
    await rig.moveClock({ months: 1, minutes: 1 });
    await other.stop();
    one.log.length = 0;
    await resume();
    await until('the end of it', () => one.log.some(({ msg }) => msg === 'caught up'));
    const told = one.log.filter(({ msg }) => TOLD.has(msg));
    expect(told).toEqual([
      expect.objectContaining({ msg: 'catching up', swept: 400, due: 700, perSecond: expect.any(Number) }),
      expect.objectContaining({ msg: 'caught up', swept: 1_100, due: 0, perSecond: expect.any(Number) }),
    ]);
  });

  test('an ordinary batch is not told of', async () => {
    const { id } = await customer.activeOne({ noticeDays: 0 });
    await copySubscription(rig, id, 20);
    one.log.length = 0;
    await rig.moveClock({ months: 1, minutes: 1 });
    const before = await metric(one, 'evergreen_subscriptions_sweeps_total');
    await until('the renewals', async () => (await schedulerState()).due === 0);
    await until(
      'it to look again',
      async () => (await metric(one, 'evergreen_subscriptions_sweeps_total')) > before + 1,
    );
    expect(one.log.filter(({ msg }) => TOLD.has(msg))).toEqual([]);
  });
});
