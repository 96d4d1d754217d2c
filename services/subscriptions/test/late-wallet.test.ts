import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type Customer, newCustomer, plus } from './customer.ts';
import { type Body, openRig, type Replica, type Rig, until } from './rig.ts';
import { failed, succeeded, voided } from './wallet.ts';

/** The wallet answers days later, or never. Each of its answers is dated when it was asked, as those paid from the balance are. */

let rig: Rig;
let service: Replica;
let customer: Customer;
beforeAll(async () => {
  rig = await openRig();
  service = await rig.startReplica();
});
beforeEach(() => {
  customer = newCustomer(rig, service);
});
afterAll(() => rig?.close());

const DAILY = { interval: { unit: 'day', count: 1 } };

const now = async (): Promise<string> =>
  (await service.call('GET', '/v1/clock', rig.person({ role: 'operator' }))).body.now;

/** A subscription whose renewal is asked for and not answered. */
async function renewingOne(plan: Body = {}): Promise<Body> {
  const subscription = await customer.activeOne({ ...DAILY, ...plan });
  await rig.moveClock({ days: 1, minutes: 1 });
  await customer.asked(subscription.id, 2);
  return subscription;
}

describe('a payment that is heard of two days late', () => {
  const cases: [string, () => Promise<{ id: string; question: number }>][] = [
    [
      'the first one',
      async () => {
        const { id: planId } = await customer.createPlan(DAILY);
        const { id } = await service.subscribe(customer.user, planId);
        await customer.asked(id, 1);
        return { id, question: 1 };
      },
    ],
    [
      'of a renewal that was canceled meanwhile',
      async () => {
        const { id } = await renewingOne();
        await customer.command(id, 'cancel');
        await customer.asked(id, 3);
        return { id, question: 2 };
      },
    ],
    [
      'after the days of grace, with access until then',
      async () => {
        const { id } = await renewingOne({ graceDays: 1, accessDuringGrace: true });
        await rig.say(failed(await customer.asked(id, 2)));
        await customer.become(id, 'pending_renewal');
        return { id, question: 2 };
      },
    ],
  ];
  test.each(cases)('buys a whole period with access: %s', async (_what, prepare) => {
    const { id, question } = await prepare();
    await rig.moveClock({ days: 2 });
    const asked = rig.askedAbout(id)[question - 1];
    if (!asked) throw new Error('nothing was asked');
    const heardAt = await now();
    await rig.say(succeeded(asked, { version: 2 }));
    await until('the period', async () => (await customer.grants(id)).at(-1)?.chargeId === asked.data.charge.id);

    const { access, accessUntil, currentPeriod } = await customer.read(id);
    expect(access).toBe(true);
    expect(accessUntil).toBe(currentPeriod?.end);
    expect(currentPeriod?.end).toBe(plus(currentPeriod?.start ?? '', { days: 1 }));
    expect(Temporal.Instant.compare(currentPeriod?.start ?? '', heardAt)).toBeGreaterThanOrEqual(0);
    // Nothing is due again already.
    const asking = rig.askedAbout(id).filter(({ type }) => !type.includes('ChargeVoidRequested'));
    expect(new Set(asking.map(({ data }) => data.charge.id)).size).toBe(question);
  });

  test('keeps the period that was due when access stayed open: that of a renewal', async () => {
    const { id, currentPeriod } = await renewingOne({ graceDays: 7 });
    await rig.moveClock({ hours: 12 });
    await rig.say(succeeded(rig.askedAbout(id)[1] as never));
    await until('the renewal', async () => (await customer.grants(id)).length === 2);
    expect((await customer.grants(id))[1]?.start).toBe(currentPeriod.end);
  });
});

describe('a shortfall that is heard of late', () => {
  test('of a renewal leaves all the days of grace', async () => {
    const { id, currentPeriod } = await renewingOne({ graceDays: 2 });
    await rig.moveClock({ days: 5 });
    await rig.say(failed(rig.askedAbout(id)[1] as never));
    const pending = await customer.become(id, 'pending_renewal');
    expect(pending.graceEndsAt).toBe(plus(currentPeriod.end, { days: 7 }));
    await rig.moveClock({ days: 1 });
    expect((await customer.read(id)).status).toBe('pending_renewal');
    expect(rig.askedAbout(id).filter(({ type }) => type.includes('ChargeVoidRequested'))).toEqual([]);
  });

  test('of a first payment leaves a whole day to pay', async () => {
    const { id: planId } = await customer.createPlan();
    const { id } = await service.subscribe(customer.user, planId);
    const question = await customer.asked(id, 1);
    await rig.moveClock({ days: 3 });
    await rig.say(failed(question));
    await until('the shortfall to be known', async () => (await customer.read(id)).waitingFor?.shortfall === 299);
    const { rows } = await rig.pool.query('SELECT next_action_at FROM subscription WHERE id = $1', [id]);
    const waitedForHours = Temporal.Instant.from(await now())
      .until(rows[0].next_action_at.toISOString())
      .total('hours');
    expect(waitedForHours).toBeGreaterThan(23.9);
    expect(waitedForHours).toBeLessThanOrEqual(24);
  });
});

describe('a message that is lost', () => {
  const moves = async (trigger: string): Promise<number> => {
    const { values } = (await service.metrics.getSingleMetric('evergreen_subscriptions_moves_total')?.get()) ?? {
      values: [],
    };
    return values.filter(({ labels }) => labels.trigger === trigger).reduce((sum, { value }) => sum + value, 0);
  };

  test('that asked for the money is said again in the same words, and the answer is taken', async () => {
    const { id } = await renewingOne();
    const lost = await customer.asked(id, 2);
    await rig.moveClock({ minutes: 10 });
    const again = await customer.asked(id, 3);
    expect(again.type).toBe(lost.type);
    expect(again.id).not.toBe(lost.id);
    expect(again.data.charge).toEqual(lost.data.charge);
    await rig.say(succeeded(again));
    await until('the renewal', async () => (await customer.grants(id)).length === 2);
    expect(await customer.timeline(id)).toEqual([
      'subscribe: null -> incomplete',
      'paid: incomplete -> active',
      'due: active -> active',
      'unanswered: active -> active',
      'paid: active -> active',
    ]);
    await until('each time it was asked again to be counted', async () => {
      const { rowCount } = await rig.pool.query(`SELECT 1 FROM timeline_entry WHERE trigger = 'unanswered'`);
      return rowCount !== null && rowCount > 0 && (await moves('unanswered')) === rowCount;
    });
  });

  test('that answered is asked for again, and may come twice after all', async () => {
    const { id: planId } = await customer.createPlan();
    const { id } = await service.subscribe(customer.user, planId);
    const question = await customer.asked(id, 1);
    await rig.moveClock({ minutes: 10 });
    const again = await customer.asked(id, 2);
    expect(again.type).toBe(question.type);
    await rig.say(
      failed(again),
      failed(question),
      succeeded(again, { version: 2 }),
      succeeded(question, { version: 2 }),
    );
    const active = await customer.become(id, 'active');
    await rig.moveClock({ hours: 1 });
    expect(await customer.read(id)).toEqual(active);
    expect(await customer.grants(id)).toHaveLength(1);
    expect(rig.askedAbout(id)).toHaveLength(2);
  });

  test('that gave the charge up is said again until the wallet has done so', async () => {
    const { id } = await renewingOne();
    await customer.command(id, 'cancel');
    const lost = await customer.asked(id, 3);
    await rig.moveClock({ minutes: 10 });
    await customer.asked(id, 4);
    await rig.moveClock({ minutes: 10 });
    const again = await customer.asked(id, 5);
    expect(again).toMatchObject({ type: lost.type, data: { charge: lost.data.charge } });
    await rig.say(voided(again));
    await customer.become(id, 'expired');
  });
});
