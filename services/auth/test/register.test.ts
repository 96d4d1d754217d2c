import { remoteKeys, tokenVerifier } from '@evergreen/service-kit/auth.ts';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ISSUER, openRig, PASSWORD, type Rig, runFile, SERVICE_TOKEN, until } from './rig.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await openRig();
});
afterAll(() => rig.close());

const register = (body: object) => rig.call('POST', '/v1/auth/register', { body });

test('a registration is an account, an event and a session, and leaves no trace of the person in the logs', async () => {
  const email = rig.newEmail();
  const before = rig.logLines.length;
  const { status, body, cookie, headers } = await rig.call('POST', '/v1/auth/register', {
    body: { email, password: PASSWORD, timeZone: 'europe/amsterdam', locale: 'nl' },
    headers: { 'x-request-id': 'request-of-the-test' },
  });

  expect(status).toBe(201);
  expect(body).toEqual({
    user: { id: expect.any(String), email, role: 'customer', timeZone: 'Europe/Amsterdam', locale: 'nl' },
    accessToken: expect.any(String),
    expiresIn: 600,
  });
  expect(headers['cache-control']).toBe('no-store');
  expect(cookie).toMatchObject({
    path: '/',
    httpOnly: true,
    secure: true,
    sameSite: 'Strict',
    maxAge: 2_592_000,
  });

  const { rows } = await rig.pool.query('SELECT * FROM account WHERE id = $1', [body.user.id]);
  expect(rows).toMatchObject([{ email, role: 'customer', time_zone: 'Europe/Amsterdam', locale: 'nl', version: 1 }]);
  expect(rows[0].password_hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);

  await until('the event', () => rig.heard.some(({ subject }) => subject === body.user.id));
  expect(rig.heard.find(({ subject }) => subject === body.user.id)).toMatchObject({
    type: 'evergreen.auth.UserRegistered.v1',
    correlationid: 'request-of-the-test',
    data: { userId: body.user.id, email, role: 'customer', timeZone: 'Europe/Amsterdam', locale: 'nl', version: 1 },
  });

  const logs = rig.logLines.slice(before).join('');
  expect(logs).toContain('/v1/auth/register');
  for (const secret of [email, PASSWORD, body.accessToken, cookie?.value ?? '']) expect(logs).not.toContain(secret);
});

test('another service accepts the access token, with the keys it fetches from auth', async () => {
  const { user, accessToken } = await rig.register();
  const verify = tokenVerifier({ findKey: remoteKeys(`${rig.url}/.well-known/jwks.json`), issuer: ISSUER });
  const caller = await verify(accessToken);
  expect(caller).toMatchObject({ id: user.id, role: 'customer', timeZone: 'UTC', locale: 'en' });
  const lifeSeconds = caller.expiresAt - Date.now() / 1000;
  expect(lifeSeconds).toBeGreaterThan(590);
  expect(lifeSeconds).toBeLessThanOrEqual(600);
});

test('a client without a cookie jar gets the refresh token in the body, and no cookie', async () => {
  const { body, cookie } = await register({ email: rig.newEmail(), password: PASSWORD, refreshTokenIn: 'body' });
  expect(body.refreshToken).toMatch(/^[\w-]{43}$/);
  expect(cookie).toBeUndefined();
});

test('an email has one account, however it is spelled', async () => {
  const email = rig.newEmail();
  expect((await register({ email: `  ${email.toUpperCase()} `, password: PASSWORD })).body.user.email).toBe(email);
  const second = await register({ email, password: PASSWORD });
  expect(second).toMatchObject({ status: 409, body: { code: 'email_taken' } });
});

test('of 20 registrations of one email at once exactly one wins', async () => {
  const email = rig.newEmail();
  const spellings = Array.from({ length: 20 }, (_, index) => (index % 2 ? email : email.toUpperCase()));
  const answers = await Promise.all(spellings.map((spelling) => register({ email: spelling, password: PASSWORD })));
  const codes = answers.map(({ status, body }) => (status === 201 ? 'registered' : body.code)).sort();
  expect(codes).toEqual([...Array(19).fill('email_taken'), 'registered']);
  const { rows } = await rig.pool.query('SELECT id FROM account WHERE email = $1', [email]);
  expect(rows).toHaveLength(1);
  await until('the outbox to be empty', async () => (await activity()).outbox === 0);
  await until('the event', () => rig.heard.some(({ data }) => data.email === email));
  expect(rig.heard.filter(({ data }) => data.email === email)).toHaveLength(1);
});

const activity = async () =>
  (await rig.call('GET', '/internal/activity', { token: SERVICE_TOKEN })).body as unknown as { outbox: number };

test.each([
  ['an email without @', 'body.email', { email: 'nobody' }],
  ['an email with a zero byte', 'body.email', { email: 'a\u0000b@evergreen.test' }],
  ['an email that is too long', 'body.email', { email: `${'a'.repeat(250)}@evergreen.test` }],
  ['no email', 'body.email', { email: undefined }],
  ['an email that is a number', 'body.email', { email: 7 }],
  ['a short password', 'body.password', { password: 'seven77' }],
  ['a long password', 'body.password', { password: 'x'.repeat(129) }],
  ['a common password', 'body.password', { password: 'Password123' }],
  ['one with a sign behind it', 'body.password', { password: 'Qwerty123!?' }],
  ['one with digits behind it', 'body.password', { password: 'pa55word2026' }],
  ['our own name', 'body.password', { password: 'Evergreen-2026' }],
  ['the email as password', 'body.password', { password: 'Somebody@evergreen.test' }],
  ['an unknown time zone', 'body.timeZone', { timeZone: 'Mars/Olympus_Mons' }],
  ['an offset for a time zone', 'body.timeZone', { timeZone: '+02:00' }],
  ['a time zone with a zero byte', 'body.timeZone', { timeZone: 'Europe/Amsterdam\u0000' }],
  ['an unknown locale', 'body.locale', { locale: 'klingon' }],
  ['a role', 'body.role', { role: 'operator' }],
])('%s is refused, and %s is named', async (_what, field, wrong) => {
  const { status, body } = await register({ email: 'somebody@evergreen.test', password: PASSWORD, ...wrong });
  expect({ status, code: body.code, fields: body.errors?.map((one) => one.field) }).toEqual({
    status: 400,
    code: 'validation_failed',
    fields: [field],
  });
});

test('a password may have 128 characters of any script, and is the same from every keyboard', async () => {
  const email = rig.newEmail();
  const password = '\u00e9\u{1F333}'.repeat(64);
  expect((await register({ email, password })).status).toBe(201);
  const logIn = (given: string) => rig.call('POST', '/v1/auth/login', { body: { email, password: given } });
  expect((await logIn(password)).status).toBe(200);
  expect((await logIn(password.replace('\u{1F333}', '\u{1F332}'))).status).toBe(401);

  const other = rig.newEmail();
  await register({ email: other, password: 'caf\u00e9 au lait' });
  const typed = { email: other, password: 'cafe\u0301 au lait' };
  expect((await rig.call('POST', '/v1/auth/login', { body: typed })).status).toBe(200);
});

test('a wrong configuration stops the service with one readable line', async () => {
  const env = { DATABASE_URL: 'mysql://root:secret@db', AMQP_URL: 'amqp://localhost', PORT: 'http' };
  const { code, stderr } = await runFile('main.ts', env);
  expect({ code, stderr }).toEqual({
    code: 78,
    stderr: 'evergreen auth cannot start: PORT must be integer; DATABASE_URL must be a postgres:// URL\n',
  });
});
