import type { Transaction } from '@evergreen/contracts/http/wallet.ts';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { due, newCharge, openRig, type Rig, type User } from './rig.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await openRig();
}, 60_000);

afterAll(async () => {
  await rig?.close();
}, 30_000);

async function lines(user: User, query = ''): Promise<Transaction[]> {
  const { status, body } = await user.wallet(`/transactions${query}`);
  expect(status).toBe(200);
  return body.data;
}

const csv = (user: User, query = '', accept = 'text/csv') =>
  fetch(`${rig.stack.urls.wallet}/v1/wallet/transactions${query}`, {
    headers: { authorization: `Bearer ${user.token}`, accept },
    signal: AbortSignal.timeout(10_000),
  });

/** Every page of 2, put together. */
async function walk(user: User, filters: string): Promise<Transaction[]> {
  const seen: Transaction[] = [];
  let cursor = '';
  do {
    const { body } = await user.wallet(`/transactions?limit=2${filters}${cursor}`);
    expect(body.data.length).toBeLessThanOrEqual(2);
    seen.push(...body.data);
    cursor = body.nextCursor ? `&cursor=${body.nextCursor}` : '';
  } while (cursor);
  return seen;
}

interface Line {
  kind?: string;
  description?: string;
  at?: string;
}

/** Books lines of 1 unit on the user's account as the ledger would, in this order. */
async function book(user: User, wanted: Line[]): Promise<void> {
  await rig.db.query(
    `INSERT INTO transfer (id, kind, reference, debit_account_id, credit_account_id, account_id, currency, amount,
                           balance_after, description, business_time, correlation_id, cause_type)
     SELECT gen_random_uuid(), coalesce(line.kind, 'adjustment'), gen_random_uuid(), c.id, a.id, a.id, a.currency, 1,
            1, coalesce(line.description, 'Line ' || n), coalesce(line.at, '2026-11-23T08:00:00Z'), 'statement-test', 'test'
     FROM account a
     JOIN account c ON c.kind = 'clearing' AND c.currency = a.currency
     CROSS JOIN ROWS FROM (jsonb_to_recordset($2) AS (kind text, description text, at timestamptz))
       WITH ORDINALITY AS line (kind, description, at, n)
     WHERE a.user_id = $1 ORDER BY n`,
    [user.id, JSON.stringify(wanted)],
  );
}

describe('the statement', () => {
  test('is filtered by kind and currency, and pages keep to the filters', async () => {
    const user = await rig.newUser();
    for (const amount of [1_000, 2_000, 3_000]) await user.topUp(amount);
    for (const amount of [100, 200]) await user.topUp(amount, { currency: 'JPY' });
    const charges = [newCharge(user.id, 10), newCharge(user.id, 20), newCharge(user.id, 30)];
    await rig.say(...charges.map(due));
    await Promise.all(charges.map((charge) => rig.saidOf(charge, 1)));

    const everything = await lines(user);
    expect(everything).toHaveLength(8);
    expect(
      everything
        .slice(0, 3)
        .map(({ amount }) => amount)
        .sort(),
    ).toEqual([-10, -20, -30]);
    expect((await lines(user, '?kind=charge')).every(({ kind }) => kind === 'charge')).toBe(true);
    expect((await lines(user, '?kind=top_up')).map(({ amount }) => amount)).toEqual([200, 100, 3_000, 2_000, 1_000]);
    expect((await lines(user, '?kind=top_up&currency=JPY')).map(({ amount }) => amount)).toEqual([200, 100]);
    expect(await lines(user, '?currency=EUR')).toEqual([]);
    for (const filters of ['', '&kind=top_up', '&kind=charge', '&kind=top_up&currency=USD', '&currency=JPY']) {
      expect(await walk(user, filters)).toEqual(await lines(user, `?limit=100${filters}`));
    }
  });

  test('is filtered by time: from is inside, to is not', async () => {
    const user = await rig.newUser();
    await user.topUp(100);
    const days = ['2026-01-01', '2026-01-02', '2026-01-03', '2026-01-04'];
    await book(
      user,
      days.map((day) => ({ description: day, at: `${day}T00:00:00Z` })),
    );
    const between = async (query: string) => (await lines(user, query)).map(({ description }) => description);
    expect(await between('?from=2026-01-02T00:00:00Z&to=2026-01-04T00:00:00Z')).toEqual(['2026-01-03', '2026-01-02']);
    expect(await between('?to=2026-01-02T00:00:00%2B01:00')).toEqual(['2026-01-01']);
    expect((await walk(user, '&to=2026-01-04T00:00:00Z')).map(({ description }) => description)).toEqual(
      days.slice(0, 3).reverse(),
    );
    expect(await between('?from=2026-01-04T00:00:00.001Z&to=2026-01-04T00:00:00.001Z')).toEqual([]);
  });

  test('of refunds shows both halves of one that went to the payment method', async () => {
    const user = await rig.newUser();
    await user.topUp(100);
    await book(user, [{ kind: 'refund' }, { kind: 'payout' }, { kind: 'adjustment' }]);
    const refunds = await lines(user, '?kind=refund');
    expect(refunds).toHaveLength(2);
    expect(refunds.every(({ kind, reference }) => kind === 'refund' && reference.type === 'refund')).toBe(true);
  });

  test.each([
    ['kind=payout', 'query.kind'],
    ['currency=usd', 'query.currency'],
    ['from=yesterday', 'query.from'],
    ['to=2026-11-23', 'query.to'],
    ['to=0000-01-01T00:00:00Z', 'query.to'],
    ['to=9999-12-31T23:00:00-05:00', 'query.to'],
    ['cursor=nonsense', 'query.cursor'],
    ['limit=0', 'query.limit'],
    ['until=2026-11-23T08:00:00Z', 'query.until'],
  ])('with %s is refused by the name of the field', async (query, field) => {
    const user = await rig.newUser();
    const { body } = await user.wallet(`/transactions?${query}`);
    expect(body).toMatchObject({ status: 400, code: 'validation_failed', errors: [{ field }] });
  });
});

describe('the statement as CSV', () => {
  test('quotes as RFC 4180 says, and lets no description be a formula', async () => {
    const user = await rig.newUser();
    await user.topUp(5_000);
    const charge = { ...newCharge(user.id, 1_299), description: 'Plan "Pro", monthly\r\nsecond line' };
    await rig.say(due(charge));
    await rig.saidOf(charge, 1);
    const formulas = ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', 'a = b'];
    await book(
      user,
      formulas.map((description) => ({ description })),
    );

    const answer = await csv(user);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toMatch(/^text\/csv; charset=utf-8/);
    expect(answer.headers.get('content-disposition')).toBe('attachment; filename="statement.csv"');
    // Nobody has all of it read for nothing.
    const head = { method: 'HEAD', headers: { accept: 'text/csv', authorization: `Bearer ${user.token}` } };
    expect((await fetch(`${rig.stack.urls.wallet}/v1/wallet/transactions`, head)).status).toBe(404);
    expect(answer.headers.get('vary')).toContain('accept');
    const text = await answer.text();
    const [paid, toppedUp] = (await lines(user)).slice(-2);
    expect(text.slice(0, text.indexOf('\r\n'))).toBe(
      'createdAt,id,kind,amount,currency,balanceAfter,description,referenceType,referenceId',
    );
    expect(text).toContain(
      `\r\n${paid?.createdAt},${paid?.id},charge,-1299,USD,3701,"Plan ""Pro"", monthly\r\nsecond line",charge,${charge.id}\r\n`,
    );
    expect(text).toMatch(
      new RegExp(`\r\n${toppedUp?.createdAt},${toppedUp?.id},top_up,5000,USD,5000,Top-up,top_up,[^,]+\r\n$`),
    );
    for (const cell of [`,'=1+1,`, `,'+1,`, `,'-1,`, `,'@SUM(A1),`, `,'\t=1,`, `,"'\r=1",`, ',a = b,']) {
      expect(text).toContain(cell);
    }
  });

  test('of 1,200 lines is all of them, newest first, in the order of the pages', async () => {
    const user = await rig.newUser();
    await user.topUp(100);
    await book(
      user,
      Array.from({ length: 1_200 }, () => ({})),
    );
    const rows = (await (await csv(user, '?limit=1')).text()).trimEnd().split('\r\n').slice(1);
    const expected = Array.from({ length: 1_200 }, (_, i) => `Line ${1_200 - i}`);
    expect(rows.map((row) => row.split(',')[6])).toEqual([...expected, 'Top-up']);
    expect(new Set(rows.map((row) => row.split(',')[1])).size).toBe(1_201);
    const adjustments = (await (await csv(user, '?kind=adjustment')).text()).trimEnd().split('\r\n');
    expect(adjustments).toHaveLength(1_201);
  });

  test('of 500 lines ends with the page that ends with them, and an empty one is its header', async () => {
    const user = await rig.newUser();
    await user.topUp(100);
    await book(
      user,
      Array.from({ length: 500 }, () => ({})),
    );
    const rows = (await (await csv(user, '?kind=adjustment')).text()).trimEnd().split('\r\n');
    expect(rows).toHaveLength(501);
    const nothing = await (await csv(await rig.newUser())).text();
    expect(nothing).toBe('createdAt,id,kind,amount,currency,balanceAfter,description,referenceType,referenceId\r\n');
  });

  test.each([
    ['application/json, text/csv;q=0.5', 'application/json'],
    ['text/csv;q=0', 'application/json'],
    ['*/*', 'application/json'],
    ['text/html, text/csv;q=0.9, */*;q=0.1', 'text/csv'],
  ])('is what Accept: %s asks for, or not: %s', async (accept, type) => {
    const answer = await csv(await rig.newUser(), '', accept);
    expect(answer.headers.get('content-type')).toContain(type);
    await answer.body?.cancel();
  });

  test('that cannot be made is a problem', async () => {
    const user = await rig.newUser();
    const answer = await csv(user, '?to=9999-12-31T23:00:00-05:00');
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(answer.headers.get('content-disposition')).toBeNull();
    expect(await answer.json()).toMatchObject({ status: 400, errors: [{ field: 'query.to' }] });
    expect(
      (await fetch(`${rig.stack.urls.wallet}/v1/wallet/transactions`, { headers: { accept: 'text/csv' } })).status,
    ).toBe(401);
  });
});
