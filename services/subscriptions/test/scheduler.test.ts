import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import { type Body, openRig, type Person, type Replica, type Rig, until } from './rig.ts';
import { succeeded } from './wallet.ts';

let rig: Rig;
let one: Replica;
let other: Replica;
let operator: Person;
beforeAll(async () => {
  rig = await openRig();
  [one, other] = await Promise.all([rig.startReplica(), rig.startReplica()]);
  operator = rig.person({ role: 'operator' });
});
afterAll(() => rig?.close());

async function metric(replica: Replica, name: string, labels: Record<string, string> = {}): Promise<number> {
  const { values } = (await replica.metrics.getSingleMetric(name)?.get()) ?? { values: [] };
  const wanted = values.filter((value) => Object.entries(labels).every(([label, is]) => value.labels[label] === is));
  return wanted.reduce((sum, { value }) => sum + value, 0);
}

/** Subscriptions of as many people, all active. */
async function activeOnes(count: number, plan: Body = {}): Promise<{ id: string; user: Person }[]> {
  const { id: planId } = await one.createPlan(operator, plan);
  const ones: { id: string; user: Person }[] = [];
  for (let index = 0; index < count; index++) {
    const user = rig.person({ zoneinfo: 'UTC' });
    ones.push({ id: (await one.subscribe(user, planId)).id, user });
  }
  await until('the first questions', () => ones.every(({ id }) => rig.askedAbout(id).length === 1));
  await rig.say(...ones.flatMap(({ id }) => rig.askedAbout(id).map((asked) => succeeded(asked))));
  await until('all to be active', async () => {
    const ids = ones.map(({ id }) => id);
    const sql = `SELECT 1 FROM subscription WHERE status = 'active' AND id = ANY ($1::uuid[])`;
    return (await rig.pool.query(sql, [ids])).rowCount === count;
  });
  return ones;
}

describe('schedulers', () => {
  test('of two replicas ask for each due renewal once, whoever is first', async () => {
    const ones = await activeOnes(60);
    await rig.moveClock({ months: 1, minutes: 1 });
    await until('the renewals', () => ones.every(({ id }) => rig.askedAbout(id).length >= 2));
    await until('the outbox to be empty', async () => (await rig.pool.query('SELECT 1 FROM outbox')).rowCount === 0);
    expect(ones.map(({ id }) => rig.askedAbout(id).length)).toEqual(Array(60).fill(2));
    const { rows } = await rig.pool.query(`SELECT count(*)::int AS n FROM timeline_entry WHERE trigger = 'due'`);
    expect(rows[0].n).toBe(60);
    const moved = [one, other].map((replica) =>
      metric(replica, 'evergreen_subscriptions_moves_total', { trigger: 'due' }),
    );
    expect((await Promise.all(moved)).reduce((sum, count) => sum + count)).toBe(60);
  });

  test('that come three months late bill the current period once, and say what was skipped', async () => {
    const [{ id, user } = { id: '', user: operator }] = await activeOnes(1);
    const before = (await one.subscription(user, id)).currentPeriod;
    await rig.moveClock({ months: 3, days: 3 });
    await until('the renewal', () => rig.askedAbout(id).length >= 2);
    const question = rig.askedAbout(id)[1];
    const nthStart = (months: number) =>
      Temporal.Instant.from(before?.start ?? '')
        .toZonedDateTimeISO('UTC')
        .add({ months })
        .toInstant();
    expect(Temporal.Instant.from(question?.data.charge.period.start ?? '').equals(nthStart(3))).toBe(true);
    if (question) await rig.say(succeeded(question));
    await until('it to be paid', async () => (await one.subscription(user, id)).waitingFor === null);
    const { body } = await one.call('GET', `/v1/subscriptions/${id}/timeline`, user);
    expect(body.data.map(({ trigger, skippedPeriods }: Body) => [trigger, skippedPeriods]).slice(0, 2)).toEqual([
      ['paid', 0],
      ['due', 2],
    ]);
    expect(rig.askedAbout(id)).toHaveLength(2);
    const { rowCount } = await rig.pool.query('SELECT 1 FROM paid_charge WHERE subscription_id = $1', [id]);
    expect(rowCount).toBe(2);
  });

  test('ask for nothing when it was canceled, however late they come', async () => {
    const [{ id, user } = { id: '', user: operator }] = await activeOnes(1);
    await one.call('POST', `/v1/subscriptions/${id}/cancel`, user);
    await rig.moveClock({ months: 3 });
    await until('it to be over', async () => (await one.subscription(user, id)).status === 'expired');
    expect(rig.askedAbout(id)).toHaveLength(1);
  });

  test('leave alone the one subscription that cannot be moved, and go on with its neighbours', async () => {
    const ones = await activeOnes(3);
    const broken = ones[1]?.id ?? '';
    await rig.pool.query(`UPDATE subscription SET time_zone = 'Middle/Earth' WHERE id = $1`, [broken]);
    await rig.moveClock({ months: 1, minutes: 1 });
    const fine = ones.filter(({ id }) => id !== broken);
    await until('the renewals', () => fine.every(({ id }) => rig.askedAbout(id).length === 2));
    await until(
      'the failure to be counted',
      async () => (await metric(one, 'evergreen_subscriptions_sweep_failures_total')) > 0,
    );
    expect(one.log).toContainEqual(
      expect.objectContaining({ subscriptionId: broken, msg: 'due subscriptions not moved' }),
    );
    expect(await metric(one, 'evergreen_subscriptions_due_lag_seconds')).toBeGreaterThan(0);

    await rig.pool.query(`UPDATE subscription SET time_zone = 'UTC' WHERE id = $1`, [broken]);
    const third = await rig.startReplica();
    await until('the one that was mended', () => rig.askedAbout(broken).length === 2);
    await third.stop();
    expect(await metric(one, 'evergreen_subscriptions_due_lag_seconds')).toBe(0);
  });

  test('survive the loss of every connection to the database', async () => {
    const [{ id } = { id: '' }] = await activeOnes(1);
    const { rowCount } = await rig.pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = 'subscriptions'`,
    );
    expect(rowCount).toBeGreaterThan(0);
    await rig.moveClock({ months: 1, minutes: 1 });
    await until('the renewal', () => rig.askedAbout(id).length === 2);
    expect((await one.call('GET', '/health/ready')).status).toBe(200);
  });
});

describe('the database refuses', () => {
  let id: string;
  let user: Person;
  beforeAll(async () => {
    [{ id, user } = { id: '', user: operator }] = await activeOnes(1);
  });

  test('a second live subscription of one user to one plan', async () => {
    const { planId } = await one.subscription(user, id);
    const again = rig.pool.query('INSERT INTO plan_holding (user_id, plan_id, subscription_id) VALUES ($1, $2, $3)', [
      user.id,
      planId,
      id,
    ]);
    await expect(again).rejects.toThrow(/plan_holding_once/);
  });

  test.each([
    ['an active one that nobody will ever look at again', 'next_action_at = NULL', /subscription_next_action/],
    ['a status that is none', `status = 'sleeping'`, /subscription_status/],
    ['an active one without a period', 'current_period_start = NULL, current_period_end = NULL', /subscription_status/],
    [
      'a pending renewal that waits for no charge',
      `status = 'pending_renewal', grace_ends_at = now()`,
      /subscription_status/,
    ],
    [
      'a charge nobody will ever ask about again',
      `charge_id = gen_random_uuid(), charge_state = 'requested', charge_amount = 1, charge_period_number = 1,
       charge_period_start = now(), charge_period_end = now() + interval '1 day', charge_asked_at = now(), charge_version = 0`,
      /subscription_ask_again/,
    ],
    ['half a charge', 'charge_id = gen_random_uuid()', /subscription_charge_is_whole/],
    ['a period that ends before it starts', 'current_period_end = current_period_start', /subscription_period/],
  ])('%s', async (_what, change, constraint) => {
    await expect(rig.pool.query(`UPDATE subscription SET ${change} WHERE id = $1`, [id])).rejects.toThrow(constraint);
  });

  test('a second period for one charge, a second charge for one period, and any change of what was granted', async () => {
    const copy = (changed: string) =>
      rig.pool.query(
        `INSERT INTO paid_charge SELECT (jsonb_populate_record(g, ${changed})).* FROM paid_charge g
         WHERE subscription_id = $1`,
        [id],
      );
    await expect(copy(`'{"period_start": "2020-01-01T00:00:00Z"}'`)).rejects.toThrow(/paid_charge_pkey/);
    await expect(copy(`'{"charge_id": "${uuidv7()}"}'`)).rejects.toThrow(/paid_charge_period_once/);
    await expect(rig.pool.query('DELETE FROM paid_charge WHERE subscription_id = $1', [id])).rejects.toThrow(
      /immutable/,
    );
    await expect(
      rig.pool.query('UPDATE timeline_entry SET trigger = $2 WHERE subscription_id = $1', [id, 'paid']),
    ).rejects.toThrow(/immutable/);
  });
});
