import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { newCustomer } from './customer.ts';
import { type Asked, type Body, openRig, type Person, type Replica, type Rig, withKey } from './rig.ts';
import { failed, succeeded, voided } from './wallet.ts';

let rig: Rig;
let service: Replica;
let operator: Person;
beforeAll(async () => {
  rig = await openRig();
  await rig.readOtherQueues();
  service = await rig.startReplica();
  operator = rig.person({ role: 'operator', zoneinfo: 'UTC' });
});
afterAll(() => rig?.close());

const metrics = async (query: string): Promise<Body> =>
  (await service.call('GET', `/v1/operator/metrics?${query}`, operator)).body;
const advance = async (body: Body) => {
  const answer = await service.call('POST', '/v1/clock/advance', { ...operator, body });
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
};
const day = (text: string, days = 0): string =>
  Temporal.PlainDate.from(text.slice(0, 10)).add({ days }).toZonedDateTime('UTC').toInstant().toString({
    smallestUnit: 'millisecond',
  });

interface Entry {
  subscription_id: string;
  from_status: string | null;
  to_status: string;
  trigger: string;
  currency: string;
  charge_id: string | null;
  mrr_change: number;
  at: Date;
}

/** What a point should say, told by reading the whole history again for each: slow, and by other means than the service. */
async function modelOf({ start, end }: Body): Promise<Body> {
  const { rows: entries } = await rig.pool.query<Entry>('SELECT * FROM timeline_entry ORDER BY at, version');
  const { rows: charges } = await rig.pool.query('SELECT * FROM paid_charge ORDER BY period_start');
  const [from, to] = [Date.parse(start), Date.parse(end)];
  const isPaying = (status: string | null | undefined) => status === 'active' || status === 'pending_renewal';
  const statusAt = (ms: number) =>
    new Map(entries.filter(({ at }) => at.getTime() < ms).map((entry) => [entry.subscription_id, entry.to_status]));
  const [before, after] = [statusAt(from), statusAt(to)];
  const counted = (status: string) => [...after.values()].filter((one) => one === status).length;
  const inStep = entries.filter(({ at }) => at.getTime() >= from && at.getTime() < to);
  const payingBefore = [...before.values()].filter(isPaying).length;
  const churned = inStep.filter(
    ({ from_status, to_status }) => isPaying(from_status) && ['canceled', 'expired'].includes(to_status),
  ).length;
  const perMonth: Record<string, number> = { day: 365.25 / 12, week: 365.25 / 84, month: 1, year: 1 / 12 };
  const mrr: Record<string, number> = {};
  const { rows: now } = await rig.pool.query('SELECT * FROM subscription');
  for (const [id, status] of after) {
    const one = now.find((row) => row.id === id);
    // Nobody changes the plan here, so the terms of now are those of then.
    const monthly = Math.round((one.price_amount * (perMonth[one.interval_unit] ?? 0)) / one.interval_count);
    mrr[one.currency] = (mrr[one.currency] ?? 0) + (isPaying(status) ? monthly : 0);
  }
  const paid = charges.filter(({ paid_at }) => paid_at.getTime() >= from && paid_at.getTime() < to);
  const seen = new Set<string>();
  const renewing = new Set(
    charges.filter(({ subscription_id: id }) => seen.has(id) || !seen.add(id)).map(({ charge_id }) => charge_id),
  );
  const charged: Record<string, number> = {};
  for (const { currency, amount } of paid) charged[currency] = (charged[currency] ?? 0) + Number(amount);
  return {
    ...{ start, end },
    ...{ active: counted('active'), trialing: counted('trialing'), pendingRenewal: counted('pending_renewal') },
    ...{ paused: counted('paused'), canceled: counted('canceled'), incomplete: counted('incomplete') },
    started: inStep.filter(({ from_status, to_status }) => !isPaying(from_status) && isPaying(to_status)).length,
    churned,
    churnRate: payingBefore === 0 ? null : churned / payingBefore,
    renewals: paid.filter(({ charge_id }) => renewing.has(charge_id)).length,
    mrr,
    charged,
  };
}

const asRecord = (money: Body[]): Body => Object.fromEntries(money.map(({ currency, amount }) => [currency, amount]));
const nonZero = (amounts: Body): Body =>
  Object.fromEntries(Object.entries(amounts).filter(([, amount]) => amount !== 0));
const comparable = ({ mrr, charged, ...point }: Body): Body => ({
  ...point,
  mrr: nonZero(mrr),
  charged: nonZero(charged),
});

describe('the metrics', () => {
  let began = '';
  beforeAll(async () => {
    await advance({ to: '2027-01-03T12:00:00Z' });
    began = (await service.call('GET', '/v1/clock', operator)).body.now;
    await liveForMonths();
  });

  test.each(['day', 'week', 'month'])('are those that reading the history shows, by %s', async (step) => {
    const { data, now } = await metrics(`from=${began}&step=${step}`);
    expect(data.length).toBeGreaterThan(1);
    expect(data[0].start <= began && began < data[0].end).toBe(true);
    expect(data.at(-1).start <= now && now < data.at(-1).end).toBe(true);
    for (const [index, point] of data.entries()) {
      if (index > 0) expect(point.start).toBe(data[index - 1].end);
      const told = { ...point, mrr: asRecord(point.mrr), charged: asRecord(point.charged) };
      expect(comparable(told)).toEqual(comparable(await modelOf(point)));
      expect(point.mrr.map(({ currency }: Body) => currency)).toEqual(['EUR', 'USD']);
    }
  });

  test('were read from a history that has something of everything', async () => {
    const { data } = await metrics(`from=${began}`);
    const total = (name: string) => data.reduce((sum: number, point: Body) => sum + point[name], 0);
    for (const name of [
      'started',
      'churned',
      'renewals',
      'active',
      'canceled',
      'paused',
      'pendingRenewal',
      'trialing',
    ]) {
      expect([name, total(name) > 0]).toEqual([name, true]);
    }
  });

  test('begin where what is asked for begins, with what there was before', async () => {
    const all = (await metrics(`from=${began}`)).data;
    const { data } = await metrics(`from=${day(began, 20)}&to=${day(began, 25)}`);
    expect(data).toEqual(all.slice(20, 26));
  });

  test('are those of the last 30 steps unless something else is asked for', async () => {
    const { data, now } = await metrics('');
    expect(data).toHaveLength(30);
    expect(data.at(-1)).toMatchObject({ start: day(now), end: day(now, 1) });
    expect((await metrics('step=week')).data).toHaveLength(30);
    expect((await metrics('step=month')).data).toHaveLength(30);
    expect((await metrics(`to=${day(now, 10)}`)).data).toEqual(data);
  });

  test('start weeks on Monday and months on the first, at midnight in UTC', async () => {
    const span = 'from=2027-01-13T23:30:00-05:00&to=2027-02-01T00:00:00Z';
    const starts = async (step: string) => (await metrics(`${span}&step=${step}`)).data.map(({ start }: Body) => start);
    expect((await starts('day'))[0]).toBe('2027-01-14T00:00:00.000Z');
    expect((await starts('week'))[0]).toBe('2027-01-11T00:00:00.000Z');
    expect(await starts('month')).toEqual(['2027-01', '2027-02'].map((month) => `${month}-01T00:00:00.000Z`));
  });

  test.each([
    ['from=2027-01-02T00:00:00Z&to=2027-01-01T00:00:00Z', 'query.from'],
    ['from=2027-01-02T00:00:00Z&to=2027-01-02T00:00:00Z', 'query.from'],
    ['from=2099-01-01T00:00:00Z', 'query.from'],
    ['from=2020-01-01T00:00:00Z', 'query.from'],
    ['from=0001-01-01T00:00:00Z&step=month', 'query.from'],
    ['to=yesterday', 'query.to'],
    ['step=hour', 'query.step'],
  ])('are refused for what makes no sense: %s', async (query, field) => {
    expect(await metrics(query)).toMatchObject({ status: 400, code: 'validation_failed', errors: [{ field }] });
  });
});

/** People come, renew, run dry, pause, cancel and are let go, each by a rule of their own. */
async function liveForMonths(): Promise<void> {
  const dry = new Set<string>();
  rig.answerWith(async (asked: Asked) => {
    const isVoid = asked.type.includes('ChargeVoidRequested');
    const isShort = dry.has(asked.subject ?? '');
    await rig.say(isVoid ? voided(asked) : isShort ? failed(asked) : succeeded(asked));
  });
  const maker = newCustomer(rig, service);
  const shared = { noticeDays: 0, graceDays: 5 };
  const weekly = await maker.createPlan({
    ...shared,
    interval: { unit: 'week', count: 1 },
    price: { amount: 333, currency: 'EUR' },
  });
  const monthly = await maker.createPlan({ ...shared, price: { amount: 1_000, currency: 'USD' } });
  const tried = await maker.createPlan({
    ...shared,
    trialDays: 4,
    interval: { unit: 'day', count: 10 },
    price: { amount: 499, currency: 'EUR' },
  });
  const people: { id: string; user: Person }[] = [];
  for (let week = 0; week < 8; week++) {
    for (const plan of [weekly, monthly, tried]) {
      const somebody = newCustomer(rig, service);
      const { id } = await service.subscribe(somebody.user, plan.id);
      await somebody.become(id, plan === tried ? 'trialing' : 'active');
      people.push({ id, user: somebody.user });
    }
    const nth = (index: number) => people[index] as { id: string; user: Person };
    const command = async (index: number, name: string, body?: Body) => {
      const { id, user } = nth(index);
      const answer = await service.call('POST', `/v1/subscriptions/${id}/${name}`, {
        ...withKey(user),
        ...(body && { body }),
      });
      if (answer.status !== 200) throw new Error(`${name}: ${JSON.stringify(answer.body)}`);
    };
    if (week === 2) await command(0, 'cancel');
    if (week === 2) await command(4, 'pause');
    if (week === 4) await command(4, 'resume');
    if (week === 3) await command(7, 'cancel', { at: 'now', refund: 'prorated' });
    if (week === 3) dry.add(nth(3).id).add(nth(5).id);
    if (week === 5) await command(6, 'pause');
    await advance({ by: 'P5D' });
  }
}
