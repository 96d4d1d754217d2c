import { ChargeSucceeded } from '@evergreen/contracts/events/wallet.ts';
import { awaitCondition } from '@evergreen/stack/await-condition.ts';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { expectLedgerToAddUp } from './audit.ts';
import { due, newCharge, openRig, type Rig, voiding } from './rig.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await openRig();
}, 60_000);

afterAll(() => rig?.close(), 30_000);

const newUser = () => rig.newUser();
const setFaults: Rig['setFaults'] = (faults) => rig.setFaults(faults);
const say: Rig['say'] = (...events) => rig.say(...events);
const saidOf: Rig['saidOf'] = (charge, count) => rig.saidOf(charge, count);

describe('a top-up', () => {
  test('is captured, credited and in the statement, and its repeat gets the same answer', async () => {
    const user = await newUser();
    const key = uuidv7();
    const first = await user.topUp(5_000, { key });
    expect(first).toMatchObject({ status: 201, body: { status: 'succeeded', amount: 5_000, currency: 'USD' } });
    const repeat = await user.topUp(5_000, { key });
    expect(repeat).toMatchObject({ status: 201, body: first.body });
    expect(repeat.headers.get('idempotency-replayed')).toBe('true');
    expect((await user.wallet('')).body).toEqual({ balances: [{ currency: 'USD', amount: 5_000 }] });
    const { body: statement } = await user.wallet('/transactions');
    expect(statement.data).toMatchObject([
      { kind: 'top_up', amount: 5_000, balanceAfter: 5_000, reference: { type: 'top_up', id: first.body.id } },
    ]);
    expect((await user.topUp(6_000, { key })).body).toMatchObject({ status: 422, code: 'idempotency_key_reused' });
  });

  test('that is declined is kept with its reason and credits nothing', async () => {
    const user = await newUser();
    const answer = await user.topUp(5_000, { paymentMethod: 'pm_card_declined' });
    expect(answer).toMatchObject({ status: 201, body: { status: 'failed', failure: { code: 'card_declined' } } });
    expect(await user.balance()).toBe(0);
    expect((await user.wallet(`/top-ups/${answer.body.id}`)).body).toEqual(answer.body);
  });

  test('sent 20 times at once is one payment and one credit', async () => {
    const user = await newUser();
    const key = uuidv7();
    const answers = await Promise.all(Array.from({ length: 20 }, () => user.topUp(700, { key })));
    const done = answers.filter(({ status }) => status === 201);
    expect(done.length).toBeGreaterThanOrEqual(1);
    expect(new Set(done.map(({ body }) => body.id)).size).toBe(1);
    expect(
      answers.filter(({ status }) => status !== 201).every(({ body }) => body.code === 'idempotency_key_in_use'),
    ).toBe(true);
    expect(await user.balance()).toBe(700);
  });

  test('whose payment is slow answers 202 with a place to look, and finishes by itself', async () => {
    const user = await newUser();
    const answer = await user.topUp(900, { paymentMethod: 'pm_card_slow' });
    expect(answer).toMatchObject({ status: 202, body: { status: 'processing' } });
    const path = answer.headers.get('location')?.replace('/v1/wallet', '') ?? '';
    await awaitCondition(async () => ((await user.wallet(path)).body.status === 'succeeded' ? true : undefined), {
      timeoutMs: 10_000,
      what: 'the slow top-up',
    });
    expect(await user.balance()).toBe(900);
  }, 20_000);

  test('whose answer is lost after the capture is still credited, once', async () => {
    const user = await newUser();
    await setFaults({ rates: { timeoutAfterCapture: 1 } });
    const answer = await user.topUp(1_100).finally(() => setFaults({ rates: { timeoutAfterCapture: 0 } }));
    expect(['processing', 'succeeded']).toContain(answer.body.status);
    await awaitCondition(async () => ((await user.balance()) > 0 ? true : undefined), {
      timeoutMs: 15_000,
      what: 'the credit',
    });
    expect(await user.balance()).toBe(1_100);
    await expectLedgerToAddUp(rig.db);
  }, 30_000);

  test.each([
    ['an amount of 0', { amount: 0 }, 'body.amount'],
    ['a negative amount', { amount: -5 }, 'body.amount'],
    ['a fraction', { amount: 10.5 }, 'body.amount'],
    ['a number as text', { amount: '100' }, 'body.amount'],
    ['an amount above 2^53-1', { amount: 2 ** 53 }, 'body.amount'],
    ['an unknown currency', { currency: 'XXX' }, 'body.currency'],
    ['a currency in small letters', { currency: 'usd' }, 'body.currency'],
    ['card data', { paymentMethod: '4242424242424242' }, 'body.paymentMethod'],
    ['a field nobody knows', { bonus: 1 }, 'body.bonus'],
    ['no currency', { currency: undefined }, 'body.currency'],
  ])('with %s is refused by the name of the field', async (_what, change, field) => {
    const user = await newUser();
    const body = { amount: 100, currency: 'USD', paymentMethod: 'pm_card_visa', ...change };
    const answer = await user.wallet('/top-ups', { key: uuidv7(), body });
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(answer.body).toMatchObject({ status: 400, code: 'validation_failed', errors: [{ field }] });
  });

  test('without a key, without a token, or of somebody else is refused', async () => {
    const [user, other] = [await newUser(), await newUser()];
    const body = { amount: 100, currency: 'USD', paymentMethod: 'pm_card_visa' };
    expect((await user.wallet('/top-ups', { body })).body).toMatchObject({
      status: 400,
      code: 'idempotency_key_missing',
    });
    expect((await user.wallet('/top-ups', { token: '', key: 'k', body })).body).toMatchObject({ status: 401 });
    const { body: theirs } = await other.topUp(100);
    expect((await user.wallet(`/top-ups/${theirs.id}`)).body).toMatchObject({ status: 404, code: 'not_found' });
    expect((await user.wallet('/top-ups/not-a-uuid')).body).toMatchObject({
      status: 400,
      errors: [{ field: 'params.id' }],
    });
    expect((await user.wallet('/transactions?cursor=nonsense')).body).toMatchObject({ code: 'validation_failed' });
  });

  test('of a user who has 50 under way is refused until they are done, and others go on', async () => {
    const [busy, other] = [await rig.newUser(), await rig.newUser()];
    const begun = Array.from({ length: 60 }, () => busy.topUp(100, { paymentMethod: 'pm_card_slow' }));
    expect((await other.topUp(100)).status).toBe(201);
    const answers = await Promise.all(begun);
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(50);
    expect(answers.filter(({ body }) => body.code === 'rate_limited')).toHaveLength(10);
    await rig.quiet();
    expect(await busy.balance()).toBe(5_000);
  }, 60_000);

  test('that would take the balance above 2^53-1 is refused, also when several try at once', async () => {
    const user = await newUser();
    const all = Number.MAX_SAFE_INTEGER;
    const answers = await Promise.all(Array.from({ length: 5 }, () => user.topUp(all - 10)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 400, 400, 400, 400]);
    expect((await user.topUp(11)).body).toMatchObject({ status: 400, errors: [{ field: 'body.amount' }] });
    expect((await user.topUp(10)).status).toBe(201);
    expect(await user.balance()).toBe(all);
  });
});

describe('a charge', () => {
  test('is debited once, however often its event comes, under one id or many', async () => {
    const user = await newUser();
    await user.topUp(5_000);
    const charge = newCharge(user.id, 1_299);
    const event = due(charge);
    await say(event, event, due(charge));
    await say(event, due(charge));
    await saidOf(charge, 3);
    expect(await user.balance()).toBe(3_701);
    const { body } = await user.wallet('/transactions');
    expect(body.data.filter(({ kind }: { kind: string }) => kind === 'charge')).toMatchObject([
      {
        amount: -1_299,
        balanceAfter: 3_701,
        description: charge.description,
        reference: { type: 'charge', id: charge.id },
      },
    ]);
  });

  test('that is short waits, and is paid by the top-up that covers it before that top-up is answered', async () => {
    const user = await newUser();
    await user.topUp(1_000);
    const charge = newCharge(user.id, 1_299);
    await say(due(charge));
    expect(await saidOf(charge, 1)).toEqual(['ChargeFailed']);
    expect(rig.heard.charges.find(({ data }) => data.chargeId === charge.id)?.data).toMatchObject({
      shortfall: 299,
      awaitingFunds: true,
    });
    await user.topUp(298);
    expect(await user.balance()).toBe(1_298);
    await user.topUp(1);
    expect(await user.balance()).toBe(0);
    expect(await saidOf(charge, 2)).toEqual(['ChargeFailed', 'ChargeSucceeded']);
    const facts = rig.heard.charges.filter(({ data }) => data.chargeId === charge.id).map(({ data }) => data);
    for (const fact of facts) expect(fact).toMatchObject({ planName: 'Monthly', upgrade: false });
  });

  test('that is voided is never paid, whichever of the two events comes first', async () => {
    const user = await newUser();
    const [inOrder, overtaken] = [newCharge(user.id, 500), newCharge(user.id, 500)];
    await say(due(inOrder), voiding(inOrder), voiding(overtaken), due(overtaken));
    expect(await saidOf(inOrder, 2)).toEqual(['ChargeFailed', 'ChargeVoided']);
    expect(await saidOf(overtaken, 2)).toEqual(['ChargeVoided', 'ChargeVoided']);
    await user.topUp(5_000);
    expect(await user.balance()).toBe(5_000);
  });

  test('20 charges and 20 top-ups of one user at once never overdraw, and each charge is debited once', async () => {
    const user = await newUser();
    const charges = Array.from({ length: 20 }, () => newCharge(user.id, 100));
    await Promise.all([
      ...charges.map((charge) => say(due(charge), due(charge))),
      ...Array.from({ length: 20 }, () => user.topUp(73)),
    ]);
    const paid = () =>
      rig.heard.charges.filter(
        ({ type, data }) => type === ChargeSucceeded.type && charges.some(({ id }) => id === data.chargeId),
      );
    await awaitCondition(
      async () => (new Set(paid().map(({ data }) => data.chargeId)).size === 14 ? true : undefined),
      {
        timeoutMs: 10_000,
        what: '14 of 20 charges paid from 1460',
      },
    );
    // Those that the balance is too short for may be the last to be looked at.
    await rig.quiet();
    expect(await user.balance()).toBe(60);
    const { rows } = await rig.db.query(
      `SELECT status, count(*)::int AS count FROM charge WHERE user_id = $1 GROUP BY status ORDER BY status`,
      [user.id],
    );
    expect(rows).toEqual([
      { status: 'awaiting_funds', count: 6 },
      { status: 'paid', count: 14 },
    ]);
    await expectLedgerToAddUp(rig.db);
  }, 30_000);

  test('50 charges race for a balance that covers one: one is paid', async () => {
    const user = await newUser();
    await user.topUp(100);
    const charges = Array.from({ length: 50 }, () => newCharge(user.id, 100));
    await Promise.all(charges.map((charge) => say(due(charge))));
    await Promise.all(charges.map((charge) => saidOf(charge, 1)));
    expect(
      rig.heard.charges.filter(
        ({ type, data }) => type === ChargeSucceeded.type && charges.some(({ id }) => id === data.chargeId),
      ),
    ).toHaveLength(1);
    expect(await user.balance()).toBe(0);
  });
});

describe('the database itself', () => {
  test('refuses to change or delete a transfer, for the service by its rights and for the owner by a trigger', async () => {
    const user = await newUser();
    await user.topUp(100);
    const owner = new pg.Client({ connectionString: rig.stack.databases.wallet.ownerUrl });
    await owner.connect();
    try {
      for (const statement of ['UPDATE transfer SET amount = 1', 'DELETE FROM transfer', 'TRUNCATE transfer']) {
        await expect(rig.db.query(statement)).rejects.toThrow(/permission denied/);
        await expect(owner.query(statement)).rejects.toThrow(/immutable/);
      }
    } finally {
      await owner.end();
    }
  });

  test('refuses a balance below zero, a second transfer for one reference, and a settled charge that changes', async () => {
    const user = await newUser();
    await user.topUp(100);
    const charge = newCharge(user.id, 60);
    await say(due(charge));
    await saidOf(charge, 1);
    await expect(rig.db.query('UPDATE account SET balance = -1 WHERE user_id = $1', [user.id])).rejects.toThrow(
      /account_balance_check/,
    );
    await expect(
      rig.db.query(
        `INSERT INTO transfer (id, kind, reference, debit_account_id, credit_account_id, account_id, currency, amount,
                               balance_after, description, business_time, correlation_id, cause_type)
         SELECT gen_random_uuid(), kind, reference, debit_account_id, credit_account_id, account_id, currency, amount,
                balance_after, description, business_time, correlation_id, cause_type FROM transfer WHERE reference = $1`,
        [charge.id],
      ),
    ).rejects.toThrow(/transfer_kind_reference_key/);
    for (const status of ['awaiting_funds', 'voided']) {
      await expect(
        rig.db.query('UPDATE charge SET status = $2, settled_at = NULL WHERE id = $1', [charge.id, status]),
      ).rejects.toThrow(/cannot become/);
    }
  });
});
