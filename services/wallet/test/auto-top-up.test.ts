import type { Charge } from '@evergreen/contracts/charge.ts';
import { ClockAdvanced } from '@evergreen/contracts/events/subscriptions.ts';
import type { AutoTopUpBody } from '@evergreen/contracts/http/wallet.ts';
import { newEvent } from '@evergreen/service-kit/events.ts';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import { expectGatewayToAgree, expectLedgerToAddUp } from './audit.ts';
import { due, nameOf, newCharge, openRig, type Rig, type User, until } from './rig.ts';

let rig: Rig;
let offsetMs = 0;

beforeAll(async () => {
  rig = await openRig();
}, 60_000);

afterAll(() => rig?.close(), 30_000);

async function saveCard(user: User, token = 'pm_card_visa'): Promise<string> {
  const answer = await user.wallet('/payment-methods', { key: uuidv7(), body: { token } });
  expect([200, 201]).toContain(answer.status);
  return answer.body.id;
}

const SETTINGS = { enabled: true, currency: 'USD', threshold: 0, amount: 100, maxPerDay: 100_000 } as const;
const put = (user: User, body: Partial<AutoTopUpBody>) =>
  user.wallet('/auto-top-up', { method: 'PUT', body: { ...SETTINGS, paymentMethodId: null, ...body } });

/** A user with automatic top-up on. */
async function newUser(settings: Partial<AutoTopUpBody> = {}, token?: string): Promise<User> {
  const user = await rig.newUser();
  const answer = await put(user, { paymentMethodId: await saveCard(user, token), ...settings });
  expect(answer.status).toBe(200);
  return user;
}

const settingsOf = async (user: User) => (await user.wallet('/auto-top-up?currency=USD')).body.data[0];

/** The automatic top-ups of a user, oldest first, as `status amount`. */
async function autoTopUps(user: User): Promise<string[]> {
  const { rows } = await rig.db.query<{ status: string; amount: string }>(
    `SELECT status, amount FROM top_up WHERE user_id = $1 AND origin = 'auto' ORDER BY seq`,
    [user.id],
  );
  return rows.map(({ status, amount }) => `${status} ${amount}`);
}

const settledAutoTopUps = (user: User, count: number) =>
  until(`${count} automatic top-ups to end`, async () => {
    const found = await autoTopUps(user);
    return found.length >= count && !found.some((one) => one.startsWith('processing')) ? found : undefined;
  });

const dueNow = async (user: User, ...amounts: number[]): Promise<Charge[]> => {
  const charges = amounts.map((amount) => newCharge(user.id, amount));
  await rig.say(...charges.map(due));
  return charges;
};

/** Moves the wallet's clock, as subscriptions does when an operator moves it. */
async function advance(hours: number): Promise<void> {
  offsetMs += hours * 3_600_000;
  const time = new Date(Date.now() + offsetMs).toISOString();
  const data = { offsetMs, now: time };
  await rig.say(newEvent(ClockAdvanced, { subject: 'clock', data, time, correlationId: 'wallet-test' }));
}

const belongsTo = (user: User, data: object): boolean => 'userId' in data && data.userId === user.id;

const nowMs = (): number => Date.now() + offsetMs;

describe('automatic top-up', () => {
  test('is off until somebody enables it, and a short charge then waits as ever', async () => {
    const user = await rig.newUser();
    expect((await user.wallet('/auto-top-up')).body).toEqual({ data: [], nextCursor: null });
    await put(user, { enabled: false, paymentMethodId: await saveCard(user) });
    const [charge] = await dueNow(user, 700);
    expect(await rig.saidOf(charge as Charge, 1)).toEqual(['ChargeFailed']);
    await rig.quiet();
    expect(await autoTopUps(user)).toEqual([]);
  });

  test('does not charge the card for a refund to that card', async () => {
    const user = await rig.newUser();
    await user.topUp(800);
    const [charge] = await dueNow(user, 500);
    await rig.saidOf(charge as Charge, 1);
    const card = await saveCard(user);
    expect((await put(user, { paymentMethodId: card, threshold: 1_000 })).status).toBe(200);
    const before = await autoTopUps(user);
    const answer = await rig.operate(user.id, 'refunds', {
      key: uuidv7(),
      body: { chargeId: charge?.id, to: 'payment_method', reason: 'Asked for it' },
    });
    expect(answer.body).toMatchObject({ status: 'succeeded', to: 'payment_method' });
    await rig.quiet();
    expect(await autoTopUps(user)).toEqual(before);
  });

  test('pays a short renewal by one payment of the whole shortfall', async () => {
    const user = await newUser();
    await user.topUp(300);
    const [charge] = await dueNow(user, 1_000);
    expect(await rig.saidOf(charge as Charge, 2)).toEqual(['ChargeFailed', 'ChargeSucceeded']);
    expect(await autoTopUps(user)).toEqual(['succeeded 700']);
    expect(await user.balance()).toBe(0);
    const { data } = (await user.wallet('/transactions')).body;
    expect(data[1]).toMatchObject({ kind: 'top_up', amount: 700, description: 'Automatic top-up' });
    const { rows } = await rig.db.query(`SELECT correlation_id FROM top_up WHERE user_id = $1 AND origin = 'auto'`, [
      user.id,
    ]);
    expect(rows).toEqual([{ correlation_id: 'wallet-test' }]);
  });

  test('enabled while charges wait pays all of them by one payment', async () => {
    const user = await rig.newUser();
    const charges = await dueNow(user, 1_000, 2_000, 500);
    for (const charge of charges) await rig.saidOf(charge, 1);
    const settings = { paymentMethodId: await saveCard(user) };
    expect((await put(user, settings)).body).toEqual({
      ...SETTINGS,
      ...settings,
      restsUntil: null,
      lastFailure: null,
    });
    for (const charge of charges) await rig.saidOf(charge, 2);
    expect(await autoTopUps(user)).toEqual(['succeeded 3500']);
  });

  test('tops up when a debit leaves less than the threshold, and not before', async () => {
    const user = await newUser({ threshold: 500, amount: 800 });
    await user.topUp(1_000);
    await dueNow(user, 500);
    await rig.quiet();
    expect(await autoTopUps(user)).toEqual([]);
    await dueNow(user, 1);
    expect(await settledAutoTopUps(user, 1)).toEqual(['succeeded 800']);
    expect(await user.balance()).toBe(1_299);
  });

  test('of an account that an operator debits below the threshold comes at once, too', async () => {
    const user = await newUser({ threshold: 500, amount: 800 });
    await user.topUp(1_000);
    const body = { amount: -600, currency: 'USD', reason: 'Booked twice' };
    expect((await rig.operate(user.id, 'adjustments', { key: uuidv7(), body })).status).toBe(201);
    expect(await settledAutoTopUps(user, 1)).toEqual(['succeeded 800']);
  });

  test('cannot run away: 50 charges at once are one payment', async () => {
    const user = await newUser({ amount: 5_000 });
    const charges = await dueNow(user, ...Array.from({ length: 50 }, () => 100));
    for (const charge of charges) await rig.saidOf(charge, 2);
    await rig.quiet();
    expect(await autoTopUps(user)).toEqual(['succeeded 5000']);
    expect(await user.balance()).toBe(0);
  });

  test('forgets no charge while charges, top-ups, debits and changes of settings of 10 users all come at once', async () => {
    const users = await Promise.all(Array.from({ length: 10 }, () => newUser({ amount: 300, threshold: 50 })));
    const charges: Charge[] = [];
    const debit = { amount: -1, currency: 'USD', reason: 'A debit among many' };
    await Promise.all(
      users.flatMap((user) => [
        ...Array.from({ length: 10 }, async (_, n) => void charges.push(...(await dueNow(user, 100 + n, 10)))),
        ...[1, 2].map(() => user.topUp(40)),
        ...[1, 2].map(() => rig.operate(user.id, 'adjustments', { key: uuidv7(), body: debit })),
        ...[60, 70].map(async (threshold) =>
          put(user, { paymentMethodId: (await settingsOf(user)).paymentMethodId, amount: 300, threshold }),
        ),
      ]),
    );
    await rig.quiet();
    expect(charges).toHaveLength(200);
    const { rows } = await rig.db.query('SELECT status FROM charge WHERE id = ANY ($1) AND status <> $2', [
      charges.map(({ id }) => id),
      'paid',
    ]);
    expect(rows).toEqual([]);
    await expectLedgerToAddUp(rig.db);
  }, 40_000);

  test('never has two payments of an account under way, and pays in the next what came meanwhile', async () => {
    const user = await newUser({}, 'pm_card_slow');
    const [first] = await dueNow(user, 400);
    await until('the payment', async () => ((await autoTopUps(user)).length > 0 ? true : undefined));
    const [second, third] = await dueNow(user, 300, 200);
    await rig.saidOf(second as Charge, 1);
    await rig.saidOf(third as Charge, 1);
    expect(await autoTopUps(user)).toEqual(['processing 400']);
    // The card pays by now, so that the test need not wait for it twice.
    await put(user, { paymentMethodId: await saveCard(user) });
    for (const charge of [first, second, third]) await rig.saidOf(charge as Charge, 2);
    expect(await autoTopUps(user)).toEqual(['succeeded 400', 'succeeded 500']);
  }, 20_000);

  test('keeps to the cap of 24 hours, rests, and goes on by itself when the oldest payment has left them', async () => {
    const user = await newUser({ maxPerDay: 1_000 });
    const [first] = await dueNow(user, 700);
    await rig.saidOf(first as Charge, 2);
    const [second] = await dueNow(user, 301);
    await rig.saidOf(second as Charge, 1);
    expect(await autoTopUps(user)).toEqual(['succeeded 700']);
    const { lastFailure, restsUntil } = await settingsOf(user);
    expect(lastFailure).toBe('daily_cap');
    const restsHours = (Date.parse(restsUntil) - nowMs()) / 3_600_000;
    expect(restsHours).toBeGreaterThan(23.9);
    expect(restsHours).toBeLessThanOrEqual(24);

    const [small] = await dueNow(user, 300);
    await rig.saidOf(small as Charge, 1);
    await rig.quiet();
    expect(await autoTopUps(user)).toEqual(['succeeded 700']);

    await advance(24);
    await rig.saidOf(second as Charge, 2);
    await rig.saidOf(small as Charge, 2);
    expect(await autoTopUps(user)).toEqual(['succeeded 700', 'succeeded 601']);
    expect(await settingsOf(user)).toMatchObject({ lastFailure: null, restsUntil: null });
  });

  test('rests after a decline, tries again when the rest is over, longer with each, and at once with another card', async () => {
    const user = await newUser({}, 'pm_card_declined');
    const [charge] = await dueNow(user, 700);
    expect(await settledAutoTopUps(user, 1)).toEqual(['failed 700']);
    const restHours = async () => (Date.parse((await settingsOf(user)).restsUntil) - nowMs()) / 3_600_000;
    expect(await settingsOf(user)).toMatchObject({ lastFailure: 'card_declined' });
    expect(await restHours()).toBeCloseTo(1, 1);
    await until('TopUpFailed', () =>
      rig.heard.topUps.find((event) => nameOf(event) === 'TopUpFailed' && belongsTo(user, event.data)),
    );

    const [another] = await dueNow(user, 50);
    await rig.saidOf(another as Charge, 1);
    await advance(0.9);
    await rig.quiet();
    expect(await autoTopUps(user)).toEqual(['failed 700']);

    await advance(0.1);
    expect(await settledAutoTopUps(user, 2)).toEqual(['failed 700', 'failed 750']);
    expect(await restHours()).toBeCloseTo(4, 1);

    await put(user, { paymentMethodId: await saveCard(user) });
    await rig.saidOf(charge as Charge, 2);
    await rig.saidOf(another as Charge, 2);
    expect(await autoTopUps(user)).toEqual(['failed 700', 'failed 750', 'succeeded 750']);
    expect(await settingsOf(user)).toMatchObject({ lastFailure: null, restsUntil: null });
  });

  test('that only the threshold called for does not come back after its rest, until money leaves again', async () => {
    const user = await newUser({ threshold: 500 }, 'pm_card_declined');
    await user.topUp(1_000);
    await dueNow(user, 600);
    expect(await settledAutoTopUps(user, 1)).toEqual(['failed 100']);
    await advance(1);
    await rig.quiet();
    expect(await autoTopUps(user)).toEqual(['failed 100']);
    expect((await settingsOf(user)).restsUntil).toBeNull();
    await dueNow(user, 1);
    expect(await settledAutoTopUps(user, 2)).toEqual(['failed 100', 'failed 101']);
  });

  test('whose answer is lost after the capture is one credit, and no decline', async () => {
    const user = await newUser();
    await rig.setFaults({ rates: { timeoutAfterCapture: 1 } });
    const [charge] = await dueNow(user, 700);
    await rig.saidOf(charge as Charge, 2).finally(() => rig.setFaults({ rates: { timeoutAfterCapture: 0 } }));
    await rig.quiet();
    expect(await autoTopUps(user)).toEqual(['succeeded 700']);
    expect(await settingsOf(user)).toMatchObject({ lastFailure: null, restsUntil: null });
    expect(await user.balance()).toBe(0);
  }, 30_000);

  test('is off when its payment method is deleted, and says why', async () => {
    const user = await newUser();
    const { paymentMethodId } = await settingsOf(user);
    expect((await user.wallet(`/payment-methods/${paymentMethodId}`, { method: 'DELETE' })).status).toBe(204);
    expect(await settingsOf(user)).toMatchObject({
      enabled: false,
      paymentMethodId: null,
      lastFailure: 'payment_method_deleted',
    });
    const [charge] = await dueNow(user, 700);
    await rig.saidOf(charge as Charge, 1);
    await rig.quiet();
    expect(await autoTopUps(user)).toEqual([]);
  });
});

describe('the settings', () => {
  test('set again as they are change nothing, not even a rest', async () => {
    const user = await newUser({}, 'pm_card_declined');
    await dueNow(user, 700);
    await settledAutoTopUps(user, 1);
    const before = await settingsOf(user);
    expect(before.restsUntil).not.toBeNull();
    expect((await put(user, { paymentMethodId: before.paymentMethodId })).body).toEqual(before);
    expect(await autoTopUps(user)).toEqual(['failed 700']);
  });
});

test('after all of that the books add up, and agree with the gateway’s', async () => {
  await rig.quiet();
  await expectLedgerToAddUp(rig.db);
  await expectGatewayToAgree(rig.db, rig.gatewayDb);
});
