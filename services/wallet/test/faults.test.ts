import { GatewayCircuitOpened } from '@evergreen/contracts/events/wallet.ts';
import type { FaultsPatch } from '@evergreen/contracts/http/gateway.ts';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import { expectGatewayToAgree, expectLedgerToAddUp } from './audit.ts';
import { due, nameOf, newCharge, openRig, RELIABLE, type Rig, type User, until } from './rig.ts';

/** The wallet gives up a call to the gateway after 8 s. */
const CALL_LIMIT_MS = 8_000;

let rig: Rig;

let bystander: User;

beforeAll(async () => {
  rig = await openRig();
  bystander = await rig.newUser();
}, 60_000);

afterAll(() => rig?.close(), 30_000);

// However a fault ended: when all is quiet, credits are captures, and nothing is left in between.
afterEach(async () => {
  await rig.setFaults(RELIABLE);
  await rig.quiet();
  await expectLedgerToAddUp(rig.db);
  await expectGatewayToAgree(rig.db, rig.gatewayDb);
  await appeaseBreaker();
}, 60_000);

/** The breaker opens by the share of calls that failed lately, so enough successes let the next test begin anew. */
const appeaseBreaker = () =>
  until(
    'the breaker to let calls through',
    async () => {
      const answers = await Promise.all(Array.from({ length: 12 }, () => bystander.topUp(1)));
      return answers.every(({ body }) => body.status === 'succeeded') ? true : undefined;
    },
    30_000,
  );

async function underFault<T>(faults: FaultsPatch, work: () => Promise<T>): Promise<T> {
  await rig.setFaults(faults);
  try {
    return await work();
  } finally {
    await rig.setFaults(RELIABLE);
  }
}

/** Where a top-up stands: as its owner sees it, in the gateway's books and in the wallet's. */
async function stateOf(user: User, id: string) {
  const captures = `SELECT count(*)::int AS count FROM payment WHERE idempotency_key = $1 AND status = 'succeeded'`;
  const credits = `SELECT count(*)::int AS count FROM transfer WHERE kind = 'top_up' AND reference = $1`;
  return {
    status: (await user.wallet(`/top-ups/${id}`)).body.status as string,
    captures: (await rig.gatewayDb.query<{ count: number }>(captures, [id])).rows[0]?.count,
    credits: (await rig.db.query<{ count: number }>(credits, [id])).rows[0]?.count,
    balance: await user.balance(),
  };
}

const NOTHING_YET = { status: 'processing', captures: 0, credits: 0, balance: 0 };
const credited = (amount: number) => ({ status: 'succeeded', captures: 1, credits: 1, balance: amount });

const succeeded = (user: User, id: string, timeoutMs = 20_000) =>
  until(
    `top-up ${id} to succeed`,
    async () => ((await user.wallet(`/top-ups/${id}`)).body.status === 'succeeded' ? true : undefined),
    timeoutMs,
  );

/** How often the gateway was asked to pay or to refund. */
const attempts = async (): Promise<number> => {
  const { rows } = await rig.gatewayDb.query(
    'SELECT CASE WHEN is_called THEN last_value::int ELSE 0 END AS count FROM payment_attempt',
  );
  return rows[0].count;
};

/** The only top-up of a user whose request has not been answered yet. */
const onlyTopUp = async (user: User): Promise<string> => {
  const { data } = (await user.wallet('/top-ups')).body;
  expect(data).toHaveLength(1);
  return data[0].id;
};

const toldOf = (id: string): string[] => rig.heard.topUps.filter(({ data }) => data.topUpId === id).map(nameOf);

test('error500: the outcome stays open and nothing is credited; once the gateway works it is captured and credited', async () => {
  const user = await rig.newUser();
  const { status, body } = await underFault({ rates: { error500: 1 } }, async () => {
    const answer = await user.topUp(1_000);
    expect(await stateOf(user, answer.body.id)).toEqual(NOTHING_YET);
    return answer;
  });
  expect({ status, answered: body.status }).toEqual({ status: 202, answered: 'processing' });
  await succeeded(user, body.id);
  expect(await stateOf(user, body.id)).toEqual(credited(1_000));
});

test('declined: it fails with the reason, for good; the same request gets the same answer, and a new one may succeed', async () => {
  const user = await rig.newUser();
  const key = uuidv7();
  const answer = await underFault({ rates: { declined: 1 } }, () => user.topUp(1_000, { key }));
  expect(answer).toMatchObject({ status: 201, body: { status: 'failed', failure: { code: 'card_declined' } } });
  const failed = { status: 'failed', captures: 0, credits: 0, balance: 0 };
  expect(await stateOf(user, answer.body.id)).toEqual(failed);
  expect((await user.topUp(1_000, { key })).body).toEqual(answer.body);
  await rig.quiet();
  expect(await stateOf(user, answer.body.id)).toEqual(failed);
  expect(toldOf(answer.body.id)).toEqual(['TopUpFailed']);
  expect(await user.topUp(1_000)).toMatchObject({ status: 201, body: { status: 'succeeded' } });
});

test('duplicateEvent: the gateway says it twice, the balance rises once and says so once', async () => {
  const user = await rig.newUser();
  const { body } = await underFault({ rates: { duplicateEvent: 1 } }, () => user.topUp(1_000));
  await until('both events', () => {
    const copies = rig.heard.payments.filter(({ data }) => data.idempotencyKey === body.id);
    return copies.length === 2 ? true : undefined;
  });
  await rig.quiet();
  expect(await stateOf(user, body.id)).toEqual(credited(1_000));
  expect(toldOf(body.id)).toEqual(['BalanceToppedUp']);
});

test('timeoutBeforeCapture: no answer and no capture; the call is given up, made again under the same key, and credited', async () => {
  const user = await rig.newUser();
  const before = await attempts();
  const request = await underFault({ rates: { timeoutBeforeCapture: 1 } }, async () => {
    const request = user.topUp(1_000);
    await until('the attempt', async () => ((await attempts()) > before ? true : undefined));
    expect(await stateOf(user, await onlyTopUp(user))).toEqual(NOTHING_YET);
    // Wrapped, since what an async function returns is awaited.
    return { answer: request };
  });
  const { status, body } = await request.answer;
  expect({ status, answered: body.status }).toEqual({ status: 202, answered: 'processing' });
  expect(await stateOf(user, body.id)).toEqual(NOTHING_YET);
  await succeeded(user, body.id, CALL_LIMIT_MS + 10_000);
  expect(await stateOf(user, body.id)).toEqual(credited(1_000));
}, 40_000);

test('connectionReset, before the capture or after it: one capture, one credit', async () => {
  const user = await rig.newUser();
  const { body } = await underFault({ rates: { connectionReset: 1 } }, () => user.topUp(1_000));
  expect(['processing', 'succeeded']).toContain(body.status);
  await succeeded(user, body.id);
  expect(await stateOf(user, body.id)).toEqual(credited(1_000));
});

test('unavailable503: it is asked again no sooner than Retry-After says, and credited', async () => {
  const user = await rig.newUser();
  const [before, beganAt] = [await attempts(), performance.now()];
  const request = await underFault({ rates: { unavailable503: 1 } }, async () => {
    const request = user.topUp(1_000);
    await until('the attempt', async () => ((await attempts()) > before ? true : undefined));
    expect(await stateOf(user, await onlyTopUp(user))).toEqual(NOTHING_YET);
    return { answer: request };
  });
  const { status, body } = await request.answer;
  expect([201, 202]).toContain(status);
  await succeeded(user, body.id);
  expect(performance.now() - beganAt).toBeGreaterThan(1_000);
  expect(await stateOf(user, body.id)).toEqual(credited(1_000));
});

test('timeoutAfterCapture: the answer is lost, and the gateway’s event credits it while the call still hangs', async () => {
  const user = await rig.newUser();
  const request = await underFault({ rates: { timeoutAfterCapture: 1 } }, async () => {
    const request = user.topUp(1_000);
    await until('the credit', async () => ((await user.balance()) > 0 ? true : undefined), CALL_LIMIT_MS / 2);
    return { answer: request };
  });
  const { status, body } = await request.answer;
  expect({ status, answered: body.status }).toEqual({ status: 201, answered: 'succeeded' });
  expect(await stateOf(user, body.id)).toEqual(credited(1_000));
});

test('lateEvent: after the answer it changes nothing; when the answer was lost it is what credits', async () => {
  const [answered, unanswered] = [await rig.newUser(), await rig.newUser()];
  const first = await underFault({ rates: { lateEvent: 1 } }, () => answered.topUp(1_000));
  expect(first).toMatchObject({ status: 201, body: { status: 'succeeded' } });
  expect(await stateOf(answered, first.body.id)).toEqual(credited(1_000));
  const request = await underFault({ rates: { lateEvent: 1, timeoutAfterCapture: 1 } }, async () => {
    const request = unanswered.topUp(2_000);
    const id = await until('the top-up', async () => (await unanswered.wallet('/top-ups')).body.data[0]?.id);
    await until('the capture', async () => ((await stateOf(unanswered, id)).captures === 1 ? true : undefined));
    expect(await stateOf(unanswered, id)).toEqual({ ...NOTHING_YET, captures: 1 });
    return { answer: request };
  });
  const heard = (id: string) => rig.heard.payments.some(({ data }) => data.idempotencyKey === id);
  expect(heard(first.body.id)).toBe(false);
  const { body } = await request.answer;
  await succeeded(unanswered, body.id, CALL_LIMIT_MS - 2_000);
  await until('the late event', () => (heard(first.body.id) ? true : undefined));
  await rig.quiet();
  expect(await stateOf(unanswered, body.id)).toEqual(credited(2_000));
  expect(await stateOf(answered, first.body.id)).toEqual(credited(1_000));
  expect(toldOf(first.body.id)).toEqual(['BalanceToppedUp']);
});

test('outage: top-ups are taken and wait, renewals are paid from the balance, and all ends by itself when it is over', async () => {
  const subscriber = await rig.newUser();
  await subscriber.topUp(1_000);
  const customers = await Promise.all(Array.from({ length: 5 }, () => rig.newUser()));
  const openings = () => rig.heard.others.filter(({ type }) => type === GatewayCircuitOpened.type).length;
  const openedBefore = openings();
  const answers = await underFault({ outage: true }, async () => {
    const requests = Promise.all(customers.map((user) => user.topUp(700)));
    const renewal = newCharge(subscriber.id, 600);
    await rig.say(due(renewal));
    expect(await rig.saidOf(renewal, 1)).toEqual(['ChargeSucceeded']);
    expect(await subscriber.balance()).toBe(400);
    const answers = await requests;
    await until('the breaker to open', () => (openings() > openedBefore ? true : undefined));
    for (const [n, user] of customers.entries()) expect(await stateOf(user, answers[n]?.body.id)).toEqual(NOTHING_YET);
    return answers;
  });
  expect(answers.map(({ status, body }) => [status, body.status])).toEqual(customers.map(() => [202, 'processing']));
  for (const [n, user] of customers.entries()) {
    await succeeded(user, answers[n]?.body.id);
    expect(await stateOf(user, answers[n]?.body.id)).toEqual(credited(700));
  }
}, 60_000);

describe('timeoutAfterCapture at 100 %', () => {
  const TOP_UPS = 200;
  const AT_ONCE = 50;
  const AMOUNT = 30;
  /** As many payments as the wallet has under way at once: so many are captured while every single answer is lost. */
  const BULKHEAD = 100;

  const count = async (of: 'captures' | 'credits', ids: readonly string[]): Promise<number> => {
    const [pool, sql] =
      of === 'captures'
        ? [
            rig.gatewayDb,
            `SELECT count(*)::int AS count FROM payment WHERE status = 'succeeded' AND idempotency_key = ANY ($1)`,
          ]
        : [
            rig.db,
            `SELECT count(*)::int AS count FROM transfer WHERE kind = 'top_up' AND reference = ANY ($1::uuid[])`,
          ];
    return (await pool.query<{ count: number }>(sql, [ids])).rows[0]?.count ?? 0;
  };

  test('for 200 top-ups: 200 captures, 200 credits', async () => {
    const users = await Promise.all(Array.from({ length: 10 }, () => rig.newUser()));
    const ids: string[] = [];
    await underFault({ rates: { timeoutAfterCapture: 1 } }, async () => {
      const ahead = Array.from({ length: TOP_UPS }, (_, n) => users[n % users.length] as User).values();
      const client = async () => {
        for (const user of ahead) {
          const { status, body } = await user.topUp(AMOUNT);
          expect([201, 202]).toContain(status);
          ids.push(body.id);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, client));
      // No call has been answered: these credits all come from the gateway's events.
      await until('a credit for each of the first captures', async () =>
        (await count('credits', ids)) >= BULKHEAD ? true : undefined,
      );
    });
    expect(new Set(ids).size).toBe(TOP_UPS);
    await until('all credits', async () => ((await count('credits', ids)) === TOP_UPS ? true : undefined), 40_000);
    expect(await count('captures', ids)).toBe(TOP_UPS);
    const balances = await Promise.all(users.map((user) => user.balance()));
    expect(balances).toEqual(users.map(() => (TOP_UPS / users.length) * AMOUNT));
  }, 90_000);
});
