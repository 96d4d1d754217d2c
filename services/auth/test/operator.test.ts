import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openRig, PASSWORD, type Rig } from './rig.ts';

let rig: Rig;
let token: string;

beforeAll(async () => {
  rig = await openRig();
  const { user } = await rig.register('zoe.operator@evergreen.test');
  await rig.pool.query("UPDATE account SET role = 'operator' WHERE id = $1", [user.id]);
  const body = { email: user.email, password: PASSWORD };
  token = (await rig.call('POST', '/v1/auth/login', { body })).body.accessToken;
});
afterAll(() => rig?.close());

const find = async (query: string) => rig.call('GET', `/v1/operator/users?${query}`, { token });
const emails = async (query: string): Promise<string[]> =>
  (await find(query)).body.data.map(({ email }: { email: string }) => email);

test('an operator finds accounts by the beginning of the email or by id, newest first, without their hashes', async () => {
  const ada = await rig.register('ada.lovelace@evergreen.test');
  await rig.register('ada.byron@evergreen.test');
  await rig.register('adam@evergreen.test');
  await rig.register('bob_100%@evergreen.test');
  expect(await emails('q=ADA.')).toEqual(['ada.byron@evergreen.test', 'ada.lovelace@evergreen.test']);
  expect((await find(`q=${ada.user.id.toUpperCase()}`)).body).toEqual({
    data: [{ ...ada.user, createdAt: expect.stringMatching(/^\d{4}-.*Z$/) }],
    nextCursor: null,
  });
  const one = await rig.call('GET', `/v1/operator/users/${ada.user.id}`, { token });
  expect(one.body).toEqual({ ...ada.user, createdAt: expect.any(String) });
  expect(JSON.stringify(one.body)).not.toContain('argon2');
  // What LIKE would take for a pattern is text here.
  expect(await emails('q=ada_')).toEqual([]);
  expect(await emails('q=%25')).toEqual([]);
  expect(await emails(`q=${encodeURIComponent('bob_100%')}`)).toEqual(['bob_100%@evergreen.test']);
  expect(await emails('q=%5C')).toEqual([]);
  expect(await emails('q=nobody')).toEqual([]);
  expect((await find('q=01936f4e-6c1a-7d3b-8a53-3f0c5f2b9d10')).body.data).toEqual([]);
});

test('everybody, page by page', async () => {
  const all = await emails('limit=100');
  const seen: string[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { body } = await find(`limit=2${cursor && `&cursor=${cursor}`}`);
    seen.push(...body.data.map(({ email }: { email: string }) => email));
    cursor = (body as unknown as { nextCursor: string | null }).nextCursor;
  }
  expect(seen).toEqual(all);
  expect(all.at(-1)).toBe('zoe.operator@evergreen.test');
  for (const bad of ['cursor=x', 'cursor=MQ', 'limit=0', 'limit=101', `q=${'x'.repeat(255)}`, 'role=operator']) {
    expect({ bad, code: (await find(bad)).body.code }).toEqual({ bad, code: 'validation_failed' });
  }
});

test('nobody else may', async () => {
  const { accessToken, user } = await rig.register();
  for (const path of ['/v1/operator/users', `/v1/operator/users/${user.id}`]) {
    expect((await rig.call('GET', path)).body.code).toBe('unauthenticated');
    expect((await rig.call('GET', path, { token: accessToken })).body.code).toBe('forbidden');
  }
  const missing = await rig.call('GET', '/v1/operator/users/01936f4e-6c1a-7d3b-8a53-3f0c5f2b9d10', { token });
  expect(missing.body.code).toBe('not_found');
});

test('the search is served by an index among many', async () => {
  await rig.pool.query(
    `INSERT INTO account (id, email, password_hash, role, time_zone, locale, created_at, updated_at)
     SELECT gen_random_uuid(), 'many.' || n || '@evergreen.test', '-', 'customer', 'UTC', 'en', now(), now()
       FROM generate_series(1, 20000) AS n`,
  );
  await rig.pool.query('ANALYZE account');
  const { rows } = await rig.pool.query(
    `EXPLAIN SELECT id FROM account WHERE email LIKE 'many.1777%' ORDER BY id DESC LIMIT 21`,
  );
  expect(JSON.stringify(rows)).toContain('account_email_prefix_idx');
  expect(await emails('q=many.1777&limit=100')).toHaveLength(11);
});
