import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { readNextMoment } from '../src/sql/due.ts';
import {
  type Asked,
  type Body,
  openRig,
  type Person,
  type Replica,
  type Rig,
  SERVICE_TOKEN,
  until,
  withKey,
} from './rig.ts';
import { endAll } from './rows.ts';
import { failed, succeeded, voided } from './wallet.ts';

let rig: Rig;
let service: Replica;
let wallet: Server;
let operator: Person;
/** What the test in the place of the wallet says of its work, over HTTP. */
const walletActivity = { outbox: 0, inFlight: 0, handled: 0 };

beforeAll(async () => {
  rig = await openRig();
  wallet = createServer((request, response) => {
    // A proxy would know the service by its name.
    const isByName = request.headers.host?.startsWith('localhost:') === true;
    const isAuthorized = request.headers.authorization === `Bearer ${SERVICE_TOKEN}`;
    const isOurs = isByName && isAuthorized && request.url === '/internal/activity';
    response.writeHead(isOurs ? 200 : 401, { 'content-type': 'application/json' }).end(JSON.stringify(walletActivity));
  });
  await new Promise<void>((resolve) => wallet.listen(0, '127.0.0.1', resolve));
  const ACTIVITY_URLS = `http://localhost:${(wallet.address() as AddressInfo).port}`;
  await rig.readOtherQueues();
  service = await rig.startReplica({ ACTIVITY_URLS, SETTLE_TIMEOUT_MS: '4000' });
  operator = rig.person({ role: 'operator', zoneinfo: 'UTC' });
});
afterAll(async () => {
  wallet?.close();
  await rig?.close();
});
afterEach(async () => {
  rig.answerWith(undefined);
  walletActivity.inFlight = 0;
  await rig.pool.query('DELETE FROM scheduler_pause');
  await endAll(rig);
});

const advance = (body: Body, person = operator) => service.call('POST', '/v1/clock/advance', { ...person, body });
const readClock = async () => (await service.call('GET', '/v1/clock', operator)).body;
const alwaysPay = async (asked: Asked) => rig.say(succeeded(asked));

async function activeOne(user: Person, plan: Body = {}): Promise<Body> {
  rig.answerWith(alwaysPay);
  const { id: planId } = await service.createPlan(operator, plan);
  const { id } = await service.subscribe(user, planId);
  await until('it to be active', async () => (await service.subscription(user, id)).status === 'active');
  return service.subscription(user, id);
}

describe('advancing the clock', () => {
  test('plays a year of a monthly plan, exact to the millisecond', async () => {
    const user = rig.person({ zoneinfo: 'Europe/Amsterdam' });
    await advance({ to: '2027-01-31T08:00:00.000Z' });
    const { id, currentPeriod } = await activeOne(user, { noticeDays: 0 });
    const { status, body } = await advance({ by: 'P1Y' });
    const charged = [{ amount: 12 * 1_299, currency: 'EUR' }];
    const summary = { activated: 0, renewed: 12, pending: 0, expired: 0, charged };
    expect({ status, body }).toMatchObject({ status: 200, body: { steps: 12, summary } });

    const { rows } = await rig.pool.query(
      'SELECT period_start, period_end FROM paid_charge WHERE subscription_id = $1 ORDER BY period_start',
      [id],
    );
    const anchor = Temporal.Instant.from(currentPeriod.start).toZonedDateTimeISO('Europe/Amsterdam');
    const expected = Array.from({ length: 13 }, (_, months) => anchor.add({ months }).epochMilliseconds);
    expect(rows.map(({ period_start }) => period_start.getTime())).toEqual(expected);
    expect(rows.map(({ period_end }) => period_end.getTime())).toEqual([
      ...expected.slice(1),
      anchor.add({ months: 13 }).epochMilliseconds,
    ]);
    expect(rows.map(({ period_start }) => period_start.toISOString().slice(5, 13))).toEqual([
      ...['01-31T08', '02-28T08', '03-31T07', '04-30T07', '05-31T07', '06-30T07', '07-31T07'],
      ...['08-31T07', '09-30T07', '10-31T08', '11-30T08', '12-31T08', '01-31T08'],
    ]);
  });

  test('tells everybody once for each step, and never back', async () => {
    const before = (await readClock()).offsetMs;
    rig.ticks.length = 0;
    const { body } = await advance({ by: 'P1D' });
    const { offsetMs } = await readClock();
    await until('the last move to be told', () => rig.ticks.at(-1)?.offsetMs === offsetMs);
    expect(rig.ticks).toHaveLength(body.steps + 1);
    expect(offsetMs).toBeGreaterThan(before + 86_000_000);
  });

  test('walks through days of grace to the end, and waits for the void', async () => {
    const user = rig.person({ zoneinfo: 'UTC' });
    const { id, currentPeriod } = await activeOne(user, { graceDays: 3 });
    rig.answerWith((asked) => rig.say(asked.type.includes('ChargeVoidRequested') ? voided(asked) : failed(asked)));
    await advance({ by: 'P1M' });
    await advance({ by: 'P4D' });
    expect(await service.subscription(user, id)).toMatchObject({ status: 'expired', accessUntil: currentPeriod.end });
    const { body } = await service.call('GET', `/v1/subscriptions/${id}/timeline`, user);
    const grace = body.data.find(({ trigger }: Body) => trigger === 'grace_ended');
    const endOfGrace = Temporal.Instant.from(currentPeriod.end).add({ hours: 72 });
    expect(endOfGrace.until(grace.at).total('seconds')).toBeGreaterThanOrEqual(0);
    expect(endOfGrace.until(grace.at).total('seconds')).toBeLessThan(60);
  });

  test('that does not settle says what is still moving, stays where it got to, and can be taken up again', async () => {
    const user = rig.person({ zoneinfo: 'UTC' });
    const { id, currentPeriod } = await activeOne(user);
    rig.answerWith(undefined);
    const { body } = await advance({ by: 'P2M' });
    expect(body).toMatchObject({ status: 504, code: 'settle_timeout' });
    expect(body.detail).toMatch(/wallet has yet to answer for \d+ charge/);
    const lateSeconds = Temporal.Instant.from(currentPeriod.end)
      .until((await readClock()).now)
      .total('seconds');
    expect(lateSeconds).toBeGreaterThanOrEqual(0);
    expect(lateSeconds).toBeLessThan(60);

    rig.answerWith(alwaysPay);
    const [, unanswered] = rig.askedAbout(id);
    if (unanswered) await rig.say(succeeded(unanswered));
    expect((await advance({ by: 'P2M' })).status).toBe(200);
    const { rowCount } = await rig.pool.query('SELECT 1 FROM paid_charge WHERE subscription_id = $1', [id]);
    expect(rowCount).toBe(4);
  });

  test('sums up what it led to: an upgrade is no renewal', async () => {
    const [upgraded, short, canceled] = [rig.person(), rig.person(), rig.person({ zoneinfo: 'UTC' })];
    const one = await activeOne(upgraded, { noticeDays: 0 });
    const dollars = { noticeDays: 0, graceDays: 2, price: { amount: 500, currency: 'USD' } };
    const other = await activeOne(short, dollars);
    const last = await activeOne(canceled, dollars);
    const { id: planId } = await service.createPlan(operator, { price: { amount: 9_000, currency: 'EUR' } });
    await service.call('POST', `/v1/subscriptions/${last.id}/cancel`, canceled);
    // The difference is asked for, and paid while the clock is on its way.
    rig.answerWith(undefined);
    await service.call('POST', `/v1/subscriptions/${one.id}/change-plan`, { ...withKey(upgraded), body: { planId } });
    await until('the difference to be asked for', () => rig.askedAbout(one.id).length === 2);
    const upgrade = rig.askedAbout(one.id)[1] as Asked;
    rig.answerWith((asked) => {
      if (asked.subject === other.id) {
        return rig.say(asked.type.includes('ChargeVoidRequested') ? voided(asked) : failed(asked));
      }
      return alwaysPay(asked);
    });
    const walk = advance({ by: 'P40D' });
    await rig.say(succeeded(upgrade));
    const difference = upgrade.data.charge.amount;
    expect((await walk).body.summary).toEqual({
      activated: 0,
      renewed: 1,
      pending: 1,
      expired: 2,
      charged: [{ amount: difference + 9_000, currency: 'EUR' }],
    });
    expect(difference).toBeGreaterThan(0);
  });

  test('waits for every charge the wallet has yet to answer for, also that of an upgrade', async () => {
    const user = rig.person({ zoneinfo: 'UTC' });
    const { id } = await activeOne(user);
    const { id: planId } = await service.createPlan(operator, { price: { amount: 9_000, currency: 'EUR' } });
    rig.answerWith(undefined);
    await service.call('POST', `/v1/subscriptions/${id}/change-plan`, { ...withKey(user), body: { planId } });
    expect((await advance({ by: 'PT1H' })).body.detail).toMatch(/wallet has yet to answer for 1 charge/);
  });

  test('goes straight to its target while the scheduler is paused, and still waits for the wallet', async () => {
    const user = rig.person({ zoneinfo: 'UTC' });
    const { id: planId } = await service.createPlan(operator);
    await activeOne(user);
    rig.answerWith(undefined);
    await service.call('POST', '/v1/operator/scheduler/pause', operator);
    const late = rig.person({ zoneinfo: 'UTC' });
    const { id } = await service.subscribe(late, planId);
    await until('the first question', () => rig.askedAbout(id).length === 1);
    expect((await advance({ by: 'P2M' })).body.detail).toMatch(/wallet has yet to answer for 1 charge/);
    await rig.say(...rig.askedAbout(id).map((asked) => succeeded(asked)));
    const { body } = await advance({ by: 'P2M' });
    expect(body).toMatchObject({ steps: 0, summary: { renewed: 0 } });
    await service.call('POST', '/v1/operator/scheduler/resume', operator);
  });

  test('to a moment may be repeated by who lost the answer: it never leads past that moment', async () => {
    const to = Temporal.Instant.from((await readClock()).now)
      .add({ hours: 30 })
      .toString();
    expect((await advance({ to })).status).toBe(200);
    const { offsetMs } = await readClock();
    expect((await advance({ to })).body).toMatchObject({ code: 'validation_failed', errors: [{ field: 'body.to' }] });
    expect((await readClock()).offsetMs).toBe(offsetMs);
  });

  test('ends when the connection that holds its lock is lost, and another walk may begin', async () => {
    const before = Temporal.Instant.from((await readClock()).now);
    walletActivity.inFlight = 1;
    const walk = advance({ by: 'P1D' });
    let terminated: number | null = 0;
    await until('the lock to be taken, and its connection to be ended', async () => {
      ({ rowCount: terminated } = await rig.pool.query(
        `SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
         WHERE locktype = 'advisory' AND granted AND datname = current_database()`,
      ));
      return terminated === 1;
    });
    const { body } = await walk;
    expect(body).toMatchObject({ status: 503, code: 'service_unavailable' });
    const movedHours = before.until((await readClock()).now).total('hours');
    expect(movedHours).toBeLessThan(1);
    walletActivity.inFlight = 0;
    expect((await advance({ by: 'PT1S' })).status).toBe(200);
  });

  test('does not stop to ask the wallet again: it waits for the answer', async () => {
    const user = rig.person({ zoneinfo: 'UTC' });
    const { id: planId } = await service.createPlan(operator);
    const { id } = await service.subscribe(user, planId);
    await until('the first question', () => rig.askedAbout(id).length === 1);
    const inThreeHours = Temporal.Instant.from((await readClock()).now).add({ hours: 3 });
    expect(await readNextMoment(rig.pool, inThreeHours, 60_000)).toBeNull();
    const walk = advance({ by: 'PT3H' });
    const [question] = rig.askedAbout(id);
    if (question) await rig.say(succeeded(question));
    expect((await walk).body).toMatchObject({ steps: 0 });
    expect(rig.askedAbout(id)).toHaveLength(1);
  });

  test('waits for work in the hands of other services', async () => {
    walletActivity.inFlight = 2;
    const { body } = await advance({ by: 'PT1S' });
    expect(body.code).toBe('settle_timeout');
    expect(body.detail).toMatch(/http:\/\/localhost:\d+ has 2 message\(s\) in hand/);
  });

  test('twice at once is refused', async () => {
    walletActivity.inFlight = 1;
    const first = advance({ by: 'PT1S' });
    await until('the clock to be moved', async () => {
      const { rowCount } = await rig.pool.query(
        `SELECT 1 FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
         WHERE locktype = 'advisory' AND granted AND datname = current_database()`,
      );
      return rowCount === 1;
    });
    expect((await advance({ by: 'PT1S' })).body).toMatchObject({ status: 409, code: 'clock_busy' });
    walletActivity.inFlight = 0;
    expect((await first).status).toBe(200);
  });
});

describe('the clock is not moved', () => {
  test.each([
    ['body', {}],
    ['body', { by: 'P1D', to: '2040-01-01T00:00:00Z' }],
    ['body.by', { by: 'P-1D' }],
    ['body.by', { by: 'P' }],
    ['body.by', { by: 'PT0S' }],
    ['body.by', { by: 'P11Y' }],
    ['body.by', { by: 'P999999999999999Y' }],
    ['body.by', { by: '1 month' }],
    ['body.to', { to: '2020-01-01T00:00:00Z' }],
    ['body.to', { to: 'tomorrow' }],
    ['body.speed', { speed: 2 }],
  ])('and the field that is wrong is named: %s', async (field, wrong) => {
    const { body } = await advance(wrong);
    expect(body).toMatchObject({ status: 400, code: 'validation_failed', errors: [{ field }] });
  });

  test('by a customer', async () => {
    expect((await advance({ by: 'P1D' }, rig.person())).body.code).toBe('forbidden');
    expect((await service.call('GET', '/v1/clock', rig.person())).body.code).toBe('forbidden');
  });

  test('where it is real', async () => {
    const real = await rig.startReplica({ SIMULATED_CLOCK: 'false' });
    const { body } = await real.call('POST', '/v1/clock/advance', { ...operator, body: { by: 'P1D' } });
    expect(body).toMatchObject({ status: 409, code: 'clock_not_simulated' });
    const clock = (await real.call('GET', '/v1/clock', operator)).body;
    expect(clock).toMatchObject({ simulated: false, offsetMs: 0 });
    await real.stop();
  });
});
