import { SECRET_MARKER } from '@evergreen/stack/secret-search.ts';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { decode } from 'jsonwebtoken';
import { openRig, PASSWORD, type Rig, until } from './rig.ts';

const NEW_PASSWORD = `${SECRET_MARKER}an-even-longer-sentence`;
let rig: Rig;

beforeAll(async () => {
  rig = await openRig();
});
afterEach(() => rig.setAhead(0));
afterAll(() => rig.close());

const logIn = (email: string, password = PASSWORD, headers: Record<string, string> = {}) =>
  rig.call('POST', '/v1/auth/login', { body: { email, password, refreshTokenIn: 'body' }, headers });
const sessions = async (token: string) => (await rig.call('GET', '/v1/auth/sessions', { token })).body.data;
const refreshes = async (token: string | undefined) => (await rig.refresh(token ?? '')).status;
const changePassword = (token: string, currentPassword: string, newPassword: string) =>
  rig.call('PUT', '/v1/auth/password', { token, body: { currentPassword, newPassword } });

test('somebody sees where they are logged in, newest first, and which of it is here', async () => {
  const { user, accessToken } = await rig.register();
  const phone = await logIn(user.email, PASSWORD, { 'user-agent': `Phone ${'x'.repeat(300)}` });
  const list = await sessions(accessToken);
  expect(list).toEqual([
    {
      id: expect.any(String),
      createdAt: expect.any(String),
      lastUsedAt: expect.any(String),
      address: '127.0.0.1',
      userAgent: `Phone ${'x'.repeat(194)}`,
      current: false,
    },
    expect.objectContaining({ current: true }),
  ]);
  expect((await sessions(phone.body.accessToken)).map((one: { current: boolean }) => one.current)).toEqual([
    true,
    false,
  ]);

  rig.setAhead(60_000);
  await rig.call('POST', '/v1/auth/refresh', {
    body: { refreshToken: phone.body.refreshToken },
    from: '192.0.2.7',
    headers: { 'user-agent': 'Phone 2' },
  });
  const [after] = await sessions(accessToken);
  expect(after).toMatchObject({ id: list[0].id, address: '192.0.2.7', userAgent: 'Phone 2' });
  expect(Date.parse(after.lastUsedAt) - Date.parse(list[0].lastUsedAt)).toBeGreaterThan(59_000);
});

test('ending a session ends its refresh tokens, and auth goes by it at once', async () => {
  const { user, accessToken, refreshToken } = await rig.register();
  const other = await logIn(user.email);
  const [{ id }] = await sessions(accessToken);
  const end = () => rig.call('DELETE', `/v1/auth/sessions/${id}`, { token: accessToken });
  expect((await end()).status).toBe(204);
  expect(await refreshes(other.body.refreshToken)).toBe(401);
  expect((await rig.call('GET', '/v1/auth/me', { token: other.body.accessToken })).body.code).toBe('unauthenticated');
  expect(await sessions(accessToken)).toHaveLength(1);
  expect((await end()).body.code).toBe('not_found');
  expect(await refreshes(refreshToken)).toBe(200);
  const { rows } = await rig.pool.query('SELECT revoked_because FROM session WHERE id = $1', [id]);
  expect(rows).toEqual([{ revoked_because: 'revoked' }]);
});

test('another person’s session is not there, and stays', async () => {
  const [ada, bob] = [await rig.register(), await rig.register()];
  const [{ id }] = await sessions(bob.accessToken);
  const answer = await rig.call('DELETE', `/v1/auth/sessions/${id}`, { token: ada.accessToken });
  expect({ status: answer.status, code: answer.body.code }).toEqual({ status: 404, code: 'not_found' });
  expect((await rig.call('DELETE', '/v1/auth/sessions/7', { token: ada.accessToken })).status).toBe(400);
  expect((await rig.call('DELETE', `/v1/auth/sessions/${id}`)).status).toBe(401);
  expect(await refreshes(bob.refreshToken)).toBe(200);
});

test('all other sessions end at once; this one, and those of other people, stay', async () => {
  const { user, accessToken, refreshToken } = await rig.register();
  const others = await Promise.all([logIn(user.email), logIn(user.email), logIn(user.email)]);
  const stranger = await rig.register();
  expect((await rig.call('DELETE', '/v1/auth/sessions', { token: accessToken })).status).toBe(204);
  for (const { body } of others) expect(await refreshes(body.refreshToken)).toBe(401);
  expect(await refreshes(refreshToken)).toBe(200);
  expect(await refreshes(stranger.refreshToken)).toBe(200);
});

test('an account has 100 sessions and 100 devices; the ones longest unused go first', async () => {
  const { user, refreshToken } = await rig.register();
  await rig.pool.query(
    `INSERT INTO session (id, account_id, created_at, last_used_at)
     SELECT gen_random_uuid(), $1, now(), now() - n * interval '1 minute' FROM generate_series(1, 120) AS n`,
    [user.id],
  );
  await rig.pool.query(
    `INSERT INTO device (token_hash, account_id, last_used_at)
     SELECT encode(sha256(n::text::bytea), 'hex'), $1, now() - n * interval '1 minute' FROM generate_series(1, 120) AS n`,
    [user.id],
  );
  const { body } = await logIn(user.email);
  expect(await sessions(body.accessToken)).toHaveLength(100);
  const { rows } = await rig.pool.query('SELECT count(*)::int FROM device WHERE account_id = $1', [user.id]);
  expect(rows).toEqual([{ count: 100 }]);
  expect(await refreshes(refreshToken)).toBe(200);
});

test('a new password ends all other sessions, keeps this one, and is the one that counts', async () => {
  const { user, accessToken, refreshToken } = await rig.register();
  const elsewhere = await logIn(user.email);
  expect((await changePassword(accessToken, PASSWORD, NEW_PASSWORD)).status).toBe(204);
  expect(await refreshes(elsewhere.body.refreshToken)).toBe(401);
  expect(await refreshes(refreshToken)).toBe(200);
  expect((await logIn(user.email)).status).toBe(401);
  expect((await logIn(user.email, NEW_PASSWORD)).status).toBe(200);
  // The access token that is left of the other session changes nothing.
  expect((await changePassword(elsewhere.body.accessToken, NEW_PASSWORD, PASSWORD)).status).toBe(401);
});

test('a password that is wrong, weak or short changes nothing, and guessing ends after 10', async () => {
  const { user, accessToken } = await rig.register();
  const cases: [string, string, number, string][] = [
    ['not the password', NEW_PASSWORD, 401, 'invalid_credentials'],
    [PASSWORD, 'Password123', 400, 'validation_failed'],
    [PASSWORD, user.email.toUpperCase(), 400, 'validation_failed'],
    [PASSWORD, 'short', 400, 'validation_failed'],
  ];
  for (const [current, next, status, code] of cases) {
    const answer = await changePassword(accessToken, current, next);
    expect({ status: answer.status, code: answer.body.code }).toEqual({ status, code });
    if (status === 400) expect(answer.body.errors?.[0]?.field).toBe('body.newPassword');
  }
  for (let failures = 1; failures < 10; failures++) {
    expect((await changePassword(accessToken, 'guess', NEW_PASSWORD)).status).toBe(401);
  }
  const refused = await changePassword(accessToken, PASSWORD, NEW_PASSWORD);
  expect({ status: refused.status, code: refused.body.code }).toEqual({ status: 429, code: 'rate_limited' });
  expect((await logIn(user.email)).status).toBe(200);
});

test('of 8 changes at once exactly one wins, and no log-in with the old password outlives them', async () => {
  const { user, accessToken } = await rig.register();
  const passwords = Array.from({ length: 8 }, (_, index) => `a sentence of number ${index}`);
  const [changes, logIns] = await Promise.all([
    Promise.all(passwords.map((password) => changePassword(accessToken, PASSWORD, password))),
    Promise.all(Array.from({ length: 8 }, () => logIn(user.email))),
  ]);
  expect(changes.map(({ status }) => status).sort()).toEqual([204, ...Array(7).fill(401)]);
  for (const { status, body } of logIns) {
    expect([200, 401]).toContain(status);
    if (status === 200) expect(await refreshes(body.refreshToken)).toBe(401);
  }
  const winner = passwords[changes.findIndex(({ status }) => status === 204)];
  expect((await logIn(user.email, winner)).status).toBe(200);
});

test('a change of time zone or locale is an event with the next version, and a token that says the same', async () => {
  const { user, accessToken } = await rig.register();
  rig.setAhead(100_000);
  const answer = await rig.call('PATCH', '/v1/auth/me', { token: accessToken, body: { timeZone: 'europe/rome' } });
  const updated = { ...user, timeZone: 'Europe/Rome' };
  expect(answer).toMatchObject({ status: 200, body: updated, headers: { 'cache-control': 'no-store' } });
  // It ends when the old one does, so a stolen token cannot be kept alive with it.
  expect(answer.body.expiresIn).toBeGreaterThan(490);
  expect(answer.body.expiresIn).toBeLessThanOrEqual(500);
  const [old, next] = [decode(accessToken), decode(answer.body.accessToken)] as Record<string, unknown>[];
  expect(next).toMatchObject({ zoneinfo: 'Europe/Rome', sid: old?.sid, sub: user.id, exp: old?.exp });
  expect((await rig.call('GET', '/v1/auth/me', { token: answer.body.accessToken })).body).toEqual(updated);

  await rig.call('PATCH', '/v1/auth/me', { token: accessToken, body: { locale: 'it', timeZone: 'Europe/Rome' } });
  const told = () => rig.heard.filter(({ subject, type }) => subject === user.id && type.includes('UserUpdated'));
  await until('both events', () => told().length === 2);
  expect(told().map(({ data }) => data)).toEqual([
    { userId: user.id, email: user.email, role: 'customer', timeZone: 'Europe/Rome', locale: 'en', version: 2 },
    { userId: user.id, email: user.email, role: 'customer', timeZone: 'Europe/Rome', locale: 'it', version: 3 },
  ]);
});

test('what is the same already says nothing, and what cannot be is refused', async () => {
  const { user, accessToken: token } = await rig.register();
  const patch = (body: object) => rig.call('PATCH', '/v1/auth/me', { token, body });
  expect((await patch({ timeZone: 'UTC', locale: 'en' })).status).toBe(200);
  for (const body of [
    {},
    { timeZone: 'Mars/Olympus' },
    { timeZone: '+02:00' },
    { locale: 'xx-yy' },
    { role: 'operator' },
  ]) {
    expect((await patch(body)).body.code).toBe('validation_failed');
  }
  const { rows } = await rig.pool.query('SELECT version, role FROM account WHERE id = $1', [user.id]);
  expect(rows).toEqual([{ version: 1, role: 'customer' }]);
});

test('of 20 changes at once none is lost: each has a version and an event of its own', async () => {
  const { user, accessToken: token } = await rig.register();
  const bodies = Array.from({ length: 20 }, (_, index) =>
    index % 2
      ? { timeZone: `Etc/GMT+${(index % 12) + 1}` }
      : { locale: ['de', 'fr', 'nl', 'it', 'es'][index % 5] ?? 'en' },
  );
  const answers = await Promise.all(bodies.map((body) => rig.call('PATCH', '/v1/auth/me', { token, body })));
  expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  const { rows } = await rig.pool.query('SELECT version, time_zone, locale FROM account WHERE id = $1', [user.id]);
  const told = () => rig.heard.filter(({ subject, type }) => subject === user.id && type.includes('UserUpdated'));
  await until('all events', () => told().length === rows[0].version - 1);
  const versions = told().map(({ data }) => data.version);
  expect(new Set(versions).size).toBe(versions.length);
  expect(told().find(({ data }) => data.version === rows[0].version)?.data).toMatchObject({
    timeZone: rows[0].time_zone,
    locale: rows[0].locale,
  });
});
