import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { pruneSessions } from '../src/sessions.ts';
import { openRig, PASSWORD, type Rig } from './rig.ts';

const DAY_MS = 24 * 3_600_000;
let rig: Rig;

beforeAll(async () => {
  rig = await openRig();
});
afterEach(() => rig.setAhead(0));
afterAll(() => rig.close());

/** How a refresh ends, and the next token if it ends well. */
async function refresh(token: string): Promise<{ outcome: string; next: string }> {
  const { status, body } = await rig.refresh(token);
  return { outcome: status === 200 ? 'refreshed' : `${status} ${body.code}`, next: body.refreshToken ?? '' };
}
const OVER = '401 invalid_refresh_token';

async function sessionOf(token: string) {
  const { rows } = await rig.pool.query(
    'SELECT session.* FROM session JOIN refresh_token ON session_id = session.id WHERE token_hash = $1',
    [createHash('sha256').update(token).digest('hex')],
  );
  return rows[0];
}

test('a refresh token buys an access token and the next refresh token', async () => {
  const { user, refreshToken } = await rig.register();
  const { status, body, cookie } = await rig.refresh(refreshToken);
  expect({ status, user: body.user, cookie }).toEqual({ status: 200, user, cookie: undefined });
  expect(body.refreshToken).not.toBe(refreshToken);
  expect((await rig.call('GET', '/v1/auth/me', { token: body.accessToken })).body).toEqual(user);
});

test('in a cookie it works without a body, and the cookie goes when the session is over', async () => {
  const answer = await rig.call('POST', '/v1/auth/register', { body: { email: rig.newEmail(), password: PASSWORD } });
  const first = answer.cookie?.value ?? '';
  const refreshed = await rig.call('POST', '/v1/auth/refresh', { cookie: first });
  expect({ status: refreshed.status, body: refreshed.body.refreshToken }).toEqual({ status: 200, body: undefined });
  expect(refreshed.cookie).toMatchObject({ path: '/', httpOnly: true, secure: true, sameSite: 'Strict' });
  expect(refreshed.cookie?.value).not.toBe(first);

  const over = await rig.call('POST', '/v1/auth/refresh', { cookie: 'not a token' });
  expect(over).toMatchObject({
    status: 401,
    body: { code: 'invalid_refresh_token' },
    cookie: { value: '', path: '/' },
  });
  expect((await rig.call('POST', '/v1/auth/refresh')).body.code).toBe('invalid_refresh_token');
});

test('only the hash of a token is kept', async () => {
  const { refreshToken } = await rig.register();
  const { rows } = await rig.pool.query('SELECT row_to_json(refresh_token)::text AS row FROM refresh_token');
  expect(rows.some(({ row }) => row.includes(createHash('sha256').update(refreshToken).digest('hex')))).toBe(true);
  expect(rows.some(({ row }) => row.includes(refreshToken))).toBe(false);
});

test('a second use after the window for parallel tabs ends the session, and no other session', async () => {
  const { user, refreshToken: stolen } = await rig.register();
  const elsewhere = await rig.call('POST', '/v1/auth/login', {
    body: { email: user.email, password: PASSWORD, refreshTokenIn: 'body' },
  });
  const { next } = await refresh(stolen);
  rig.setAhead(10_500);
  expect((await refresh(stolen)).outcome).toBe(OVER);
  expect((await refresh(next)).outcome).toBe(OVER);
  expect(await sessionOf(stolen)).toMatchObject({ revoked_because: 'token_reused', revoked_at: expect.any(Date) });
  expect((await refresh(elsewhere.body.refreshToken ?? '')).outcome).toBe('refreshed');
});

test('tabs that refresh at the same moment all stay logged in, and so do their next tokens', async () => {
  const { refreshToken } = await rig.register();
  const tabs = await Promise.all(Array.from({ length: 20 }, () => refresh(refreshToken)));
  expect(tabs.map(({ outcome }) => outcome)).toEqual(Array(20).fill('refreshed'));
  expect(new Set(tabs.map(({ next }) => next)).size).toBe(20);
  rig.setAhead(60_000);
  const later = await Promise.all(tabs.map(({ next }) => refresh(next)));
  expect(later.map(({ outcome }) => outcome)).toEqual(Array(20).fill('refreshed'));
  expect(await sessionOf(refreshToken)).toMatchObject({ revoked_at: null });
});

test('the window begins with the first use, so nobody can hold it open', async () => {
  const { refreshToken } = await rig.register();
  expect((await refresh(refreshToken)).outcome).toBe('refreshed');
  rig.setAhead(6_000);
  expect((await refresh(refreshToken)).outcome).toBe('refreshed');
  rig.setAhead(12_000);
  expect((await refresh(refreshToken)).outcome).toBe(OVER);
});

test('a thief who was as quick as a tab is found out: two brothers used apart in time end the session', async () => {
  const { refreshToken } = await rig.register();
  const [owner, thief] = [await refresh(refreshToken), await refresh(refreshToken)];
  rig.setAhead(15_000);
  const again = await refresh(owner.next);
  expect(again.outcome).toBe('refreshed');
  rig.setAhead(26_000);
  expect((await refresh(thief.next)).outcome).toBe(OVER);
  expect((await refresh(again.next)).outcome).toBe(OVER);
  expect((await sessionOf(refreshToken)).revoked_because).toBe('token_reused');
});

test('so are their children', async () => {
  const { refreshToken } = await rig.register();
  const [owner, thief] = [await refresh(refreshToken), await refresh(refreshToken)];
  rig.setAhead(15_000);
  const [ownersChild, thiefsChild] = [await refresh(owner.next), await refresh(thief.next)];
  rig.setAhead(30_000);
  expect((await refresh(thiefsChild.next)).outcome).toBe('refreshed');
  rig.setAhead(45_000);
  expect((await refresh(ownersChild.next)).outcome).toBe(OVER);
});

test('an operator is asked for the password after 30 minutes without use, and after 12 hours', async () => {
  const email = rig.newEmail();
  const logIn = async () =>
    (await rig.call('POST', '/v1/auth/login', { body: { email, password: PASSWORD, refreshTokenIn: 'body' } })).body;
  await rig.register(email);
  await rig.pool.query("UPDATE account SET role = 'operator' WHERE email = $1", [email]);
  const { refreshToken: unused = '' } = await logIn();
  let { refreshToken: token = '' } = await logIn();
  for (let minutes = 29; minutes < 12 * 60; minutes += 29) {
    rig.setAhead(minutes * 60_000);
    const { outcome, next } = await refresh(token);
    expect([minutes, outcome]).toEqual([minutes, 'refreshed']);
    token = next;
  }
  expect((await refresh(unused)).outcome).toBe(OVER);
  rig.setAhead(12 * 3_600_000 + 60_000);
  expect((await refresh(token)).outcome).toBe(OVER);
});

test('of 20 replays at once none gets through, and the session is over', async () => {
  const { refreshToken } = await rig.register();
  const { next } = await refresh(refreshToken);
  rig.setAhead(60_000);
  const replays = await Promise.all(Array.from({ length: 20 }, () => refresh(refreshToken)));
  expect(replays.map(({ outcome }) => outcome)).toEqual(Array(20).fill(OVER));
  expect((await refresh(next)).outcome).toBe(OVER);
});

test('a session ends after 30 days without use; every use begins them anew', async () => {
  const { refreshToken: first } = await rig.register();
  rig.setAhead(29 * DAY_MS);
  const { outcome, next: second } = await refresh(first);
  expect(outcome).toBe('refreshed');
  rig.setAhead(58 * DAY_MS);
  const { next: third } = await refresh(second);
  expect(third).not.toBe('');
  // The first token has expired by now, and is kept no longer than it could be recognised.
  expect(await sessionOf(first)).toBeUndefined();
  rig.setAhead(89 * DAY_MS);
  expect((await refresh(third)).outcome).toBe(OVER);
});

test('a session ends 90 days after the log-in, however much it is used', async () => {
  const { refreshToken } = await rig.register();
  let token = refreshToken;
  for (const day of [25, 50, 75]) {
    rig.setAhead(day * DAY_MS);
    token = (await refresh(token)).next;
  }
  rig.setAhead(90 * DAY_MS - 60_000);
  const last = await rig.call('POST', '/v1/auth/refresh', { body: { refreshToken: token } });
  expect(last.status).toBe(200);
  const list = () => rig.call('GET', '/v1/auth/sessions', { token: last.body.accessToken });
  rig.setAhead(90 * DAY_MS + 60_000);
  expect((await refresh(last.body.refreshToken ?? '')).outcome).toBe(OVER);
  expect((await list()).body.data).toEqual([]);
});

test('logging in forgets sessions that ended long ago', async () => {
  const { user } = await rig.register();
  const sessions = async () =>
    (await rig.pool.query('SELECT count(*)::int FROM session WHERE account_id = $1', [user.id])).rows[0].count;
  const logIn = () => rig.call('POST', '/v1/auth/login', { body: { email: user.email, password: PASSWORD } });
  await logIn();
  expect(await sessions()).toBe(2);
  rig.setAhead(31 * DAY_MS);
  await logIn();
  expect(await sessions()).toBe(1);
});

test('logging out ends the session; an unknown token is no error', async () => {
  const { refreshToken } = await rig.register();
  const { status, cookie } = await rig.call('POST', '/v1/auth/logout', { cookie: refreshToken });
  expect({ status, cookie: cookie?.value }).toEqual({ status: 204, cookie: '' });
  expect((await refresh(refreshToken)).outcome).toBe(OVER);
  expect(await sessionOf(refreshToken)).toMatchObject({ revoked_because: 'logged_out' });
  expect((await rig.call('POST', '/v1/auth/logout', { body: { refreshToken: 'unknown' } })).status).toBe(204);
  expect((await rig.call('POST', '/v1/auth/logout')).status).toBe(204);
});

test.each(['same-site', 'cross-site', 'Same-Origin, cross-site', ''])(
  'a page of another origin ("%s") may not use the cookie, to refresh or to log out',
  async (site) => {
    const { refreshToken } = await rig.register();
    const headers = { 'sec-fetch-site': site };
    for (const path of ['refresh', 'logout']) {
      for (const sent of [{ cookie: refreshToken }, {}]) {
        const { status, body, cookie } = await rig.call('POST', `/v1/auth/${path}`, { ...sent, headers });
        // Not even the cookie's removal, which would log the person out.
        expect({ status, code: body.code, cookie }).toEqual({ status: 403, code: 'forbidden', cookie: undefined });
      }
    }
    expect(await sessionOf(refreshToken)).toMatchObject({ revoked_at: null });
    const { rows } = await rig.pool.query('SELECT used_at FROM refresh_token WHERE token_hash = $1', [
      createHash('sha256').update(refreshToken).digest('hex'),
    ]);
    expect(rows).toEqual([{ used_at: null }]);
    // With the token in the body there is no cookie to misuse.
    expect((await rig.call('POST', '/v1/auth/refresh', { body: { refreshToken }, headers })).status).toBe(200);
  },
);

test.each(['same-origin', 'none'])('our own page ("%s") refreshes and logs out with the cookie', async (site) => {
  const { refreshToken } = await rig.register();
  const headers = { 'sec-fetch-site': site };
  const refreshed = await rig.call('POST', '/v1/auth/refresh', { cookie: refreshToken, headers });
  expect(refreshed.status).toBe(200);
  const next = refreshed.cookie?.value ?? '';
  expect((await rig.call('POST', '/v1/auth/logout', { cookie: next, headers })).status).toBe(204);
  expect(await sessionOf(next)).toMatchObject({ revoked_because: 'logged_out' });
});

test('pruning forgets what is over, however much it is, and nobody notices', async () => {
  const { user, refreshToken: idle } = await rig.register();
  const { refreshToken: used } = await rig.register();
  await rig.pool.query(
    `INSERT INTO refresh_token (token_hash, session_id, generation, created_at, expires_at)
     SELECT encode(sha256(n::text::bytea), 'hex'), (SELECT id FROM session WHERE account_id = $1),
            1, now(), now() + interval '30 days'
     FROM generate_series(1, 12000) AS n`,
    [user.id],
  );
  rig.setAhead(20 * DAY_MS);
  const { next } = await refresh(used);
  const left = async () => {
    const { rows } = await rig.pool.query(
      'SELECT (SELECT count(*)::int FROM session) AS sessions, (SELECT count(*)::int FROM refresh_token) AS tokens',
    );
    return rows[0];
  };
  const prune = (aheadMs: number) => pruneSessions(rig.pool, new Date(Date.now() + aheadMs));
  await prune(0);
  const before = await left();
  expect(await sessionOf(idle)).toBeDefined();

  const pruned = await prune(31 * DAY_MS);
  const after = await left();
  expect(pruned).toBe(before.sessions + before.tokens - after.sessions - after.tokens);
  expect(pruned).toBeGreaterThan(12_000);
  expect(await sessionOf(idle)).toBeUndefined();
  expect(await sessionOf(used)).toBeUndefined();
  rig.setAhead(31 * DAY_MS);
  expect((await refresh(idle)).outcome).toBe(OVER);
  expect((await refresh(next)).outcome).toBe('refreshed');
  expect(await prune(31 * DAY_MS)).toBe(0);
});
