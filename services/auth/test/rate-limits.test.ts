import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { openRig, PASSWORD, type Rig } from './rig.ts';

const MINUTE_MS = 60_000;
let rig: Rig;

beforeAll(async () => {
  // What is counted by the hundred by default is counted by the score here, as each attempt costs a core some 30 ms.
  rig = await openRig({
    TRUSTED_PROXIES: '10.0.0.1',
    REGISTER_LIMIT_PER_ADDRESS: '20/1h',
    LOGIN_LIMIT_PER_ADDRESS: '20/15m',
    LOGIN_LIMIT_PER_ACCOUNT: '20/15m',
    PASSWORD_CHECK_LIMIT: '25/15m',
    REFRESH_LIMIT_PER_ADDRESS: '30/15m',
    REFRESH_LIMIT_PER_ACCOUNT: '30/15m',
  });
});
afterEach(() => rig.setAhead(0));
afterAll(() => rig.close());

/** An address of its own for every person and test; IPv4, or an IPv6 network of its own. */
let people = 0;
const newAddress = () => `192.0.${++people >> 8}.${people & 255}`;

interface Attempt {
  password?: string;
  from?: string;
  device?: string;
  deviceToken?: string;
}

const logIn = (email: string, { password = PASSWORD, from, device, deviceToken }: Attempt) =>
  rig.call('POST', '/v1/auth/login', {
    body: { email, password, ...(deviceToken !== undefined && { deviceToken, refreshTokenIn: 'body' }) },
    ...(from !== undefined && { from }),
    ...(device !== undefined && { device }),
  });

async function newOwner() {
  const email = rig.newEmail();
  const from = newAddress();
  const { status, device } = await rig.call('POST', '/v1/auth/register', { body: { email, password: PASSWORD }, from });
  expect(status).toBe(201);
  return { email, from, device: device ?? '' };
}

/** How attempts end, one after the other: how many of each status. */
async function count(times: number, attempt: () => ReturnType<typeof logIn>): Promise<Record<number, number>> {
  const counts: Record<number, number> = {};
  for (let index = 0; index < times; index++) {
    const { status } = await attempt();
    counts[status] = (counts[status] ?? 0) + 1;
  }
  return counts;
}

const wrong = (email: string, from: string) => () => logIn(email, { password: 'not the password', from });

test('after 10 failures from one address an account is closed to that address, for 15 minutes, and says for how long', async () => {
  const { email } = await newOwner();
  const from = newAddress();
  expect(await count(12, wrong(email, from))).toEqual({ 401: 10, 429: 2 });
  const refused = await logIn(email, { from });
  expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limited', status: 429 } });
  const seconds = Number(refused.headers['retry-after']);
  expect(seconds).toBeGreaterThan(880);
  expect(seconds).toBeLessThanOrEqual(900);
  rig.setAhead(15 * MINUTE_MS + 1_000);
  expect((await logIn(email, { from })).status).toBe(200);
});

test('what succeeds does not count', async () => {
  const { email } = await newOwner();
  const from = newAddress();
  expect(await count(12, () => logIn(email, { from }))).toEqual({ 200: 12 });
  expect(await count(11, wrong(email, from))).toEqual({ 401: 10, 429: 1 });
});

test('passwords that are right are work as well: a device has so many of them, and an address', async () => {
  const { email, device } = await newOwner();
  const from = newAddress();
  expect(await count(27, () => logIn(email, { from, device }))).toEqual({ 200: 25, 429: 2 });
  expect(await count(27, () => logIn(email, { from }))).toEqual({ 200: 25, 429: 2 });
  // Neither is in the way of the other, nor of anybody elsewhere.
  const other = await newOwner();
  expect((await logIn(other.email, { from, device: other.device })).status).toBe(200);
  expect((await logIn(email, { from: newAddress() })).status).toBe(200);
});

test('an account has its changes of the password, however often the current one is right', async () => {
  const { accessToken: token } = await rig.register();
  const passwords = ['one long sentence', 'another long sentence'];
  let current = PASSWORD;
  const change = async () => {
    const newPassword = passwords.find((one) => one !== current) ?? '';
    const answer = await rig.call('PUT', '/v1/auth/password', {
      token,
      body: { currentPassword: current, newPassword },
    });
    if (answer.status === 204) current = newPassword;
    return answer;
  };
  expect(await count(27, change)).toEqual({ 204: 25, 429: 2 });
});

test('guesses at one account from all over a line of IPv6 count as from one address', async () => {
  const { email } = await newOwner();
  let network = 0;
  const guess = () => logIn(email, { password: 'guess', from: `2001:db8:9:${(++network).toString(16)}::1` });
  expect(await count(12, guess)).toEqual({ 401: 10, 429: 2 });
  // The account's own limit has not been used up, so the owner can log in from a new device.
  expect((await logIn(email, { from: newAddress() })).status).toBe(200);
});

test('an account has its changes of the profile', async () => {
  const { accessToken: token } = await rig.register();
  const change = (index: number) =>
    rig.call('PATCH', '/v1/auth/me', { token, body: { locale: index % 2 === 0 ? 'en' : 'nl' } });
  let changes = 0;
  expect(await count(32, () => change(changes++))).toEqual({ 200: 30, 429: 2 });
});

test('of 40 attempts at once no more are tried than may fail', async () => {
  const { email } = await newOwner();
  const from = newAddress();
  const answers = await Promise.all(Array.from({ length: 40 }, wrong(email, from)));
  expect(answers.filter(({ status }) => status === 401)).toHaveLength(10);
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(30);
});

test('an unknown email is counted like a known one: the same answers, one by one', async () => {
  const { email } = await newOwner();
  const story = async (address: string) => {
    const from = newAddress();
    const lines: unknown[] = [];
    for (let index = 0; index < 12; index++) {
      const { status, body, headers } = await logIn(address, { password: 'not the password', from });
      const { requestId: _, ...told } = body;
      const names = Object.keys(headers).sort();
      lines.push({ status, told, names, waits: headers['retry-after'] !== undefined });
    }
    return lines;
  };
  expect(await story('nobody@evergreen.test')).toEqual(await story(email));
});

test('an address has its failures, over all accounts; what one network of IPv6 does is done by one', async () => {
  const from = newAddress();
  const guess = (address: () => string) => {
    let index = 0;
    return () => logIn(`nobody.${++index}@evergreen.test`, { password: 'guess', from: address() });
  };
  expect(
    await count(
      23,
      guess(() => from),
    ),
  ).toEqual({ 401: 20, 429: 3 });
  let host = 0;
  expect(
    await count(
      22,
      guess(() => `2001:db8:7:7:${(++host).toString(16)}::1`),
    ),
  ).toEqual({ 401: 20, 429: 2 });
  const elsewhere = newAddress();
  expect((await logIn('nobody.1@evergreen.test', { password: 'guess', from: elsewhere })).status).toBe(401);
});

test('a stranger who fails 200 times from as many addresses keeps the owner from nothing, on a device that is known', async () => {
  const { email, device } = await newOwner();
  const inBody = await rig.call('POST', '/v1/auth/login', {
    body: { email, password: PASSWORD, refreshTokenIn: 'body' },
    from: newAddress(),
  });
  const deviceToken = inBody.body.deviceToken ?? '';
  expect(deviceToken).toMatch(/^[\w-]{43}$/);

  const statuses: number[] = [];
  for (let batch = 0; batch < 4; batch++) {
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => logIn(email, { password: 'guess', from: newAddress() })),
    );
    statuses.push(...answers.map(({ status }) => status));
  }
  expect(statuses.filter((status) => status === 401)).toHaveLength(20);
  expect(statuses.filter((status) => status === 429)).toHaveLength(180);

  // From a new address, with the cookie of the browser or the token of the app.
  const fromCookie = await logIn(email, { device, from: newAddress() });
  expect({ status: fromCookie.status, device: fromCookie.device }).toEqual({ status: 200, device });
  expect((await logIn(email, { deviceToken, from: newAddress() })).body.deviceToken).toBe(deviceToken);
  // From a device nobody knows the owner has to wait until the stranger has stopped for a while.
  expect((await logIn(email, { from: newAddress() })).status).toBe(429);
  rig.setAhead(15 * MINUTE_MS + 60_000);
  expect((await logIn(email, { from: newAddress() })).status).toBe(200);
});

test('a stranger at the very address of the owner keeps the owner from nothing either', async () => {
  const { email, device, from } = await newOwner();
  expect(await count(12, wrong(email, from))).toEqual({ 401: 10, 429: 2 });
  // Far more than an address may fail, or have checked.
  for (let index = 0; index < 60; index++) await wrong(`other.${index}@evergreen.test`, from)();
  expect((await logIn(email, { from })).status).toBe(429);
  expect((await logIn(email, { from, device })).status).toBe(200);
});

test('a known device has 10 failures of its own, and buys no more for another account', async () => {
  const { email, device } = await newOwner();
  const other = await newOwner();
  expect(await count(12, () => logIn(email, { password: 'guess', device, from: newAddress() }))).toEqual({
    401: 10,
    429: 2,
  });
  // At the account of somebody else it is a stranger, whose addresses share the 20 of that account.
  expect(await count(22, () => logIn(other.email, { password: 'guess', device, from: newAddress() }))).toEqual({
    401: 20,
    429: 2,
  });
});

test('a device token that somebody planted is not taken over', async () => {
  const { email } = await newOwner();
  const thief = await newOwner();
  for (const planted of ['made up', thief.device]) {
    const { status, device } = await logIn(email, { device: planted, from: newAddress() });
    expect(status).toBe(200);
    expect(device).toMatch(/^[\w-]{43}$/);
    expect(device).not.toBe(planted);
    const { rows } = await rig.pool.query('SELECT row_to_json(device)::text AS row FROM device');
    expect(rows.filter(({ row }) => row.includes(device) || row.includes(planted))).toEqual([]);
  }
});

test('an address has its registrations; a refusal tells of an email, so it counts', async () => {
  const from = newAddress();
  const register = (email: string, where = from) =>
    rig.call('POST', '/v1/auth/register', { body: { email, password: PASSWORD }, from: where });
  const { email } = await newOwner();
  const statuses = await Promise.all(
    Array.from({ length: 24 }, (_, index) => register(index < 4 ? email : rig.newEmail())),
  );
  const codes = statuses.map(({ status }) => status).sort();
  expect(codes.filter((status) => status === 429)).toHaveLength(4);
  expect((await register(rig.newEmail())).status).toBe(429);
  expect((await register(rig.newEmail(), newAddress())).status).toBe(201);
  rig.setAhead(60 * MINUTE_MS + 1_000);
  expect((await register(rig.newEmail())).status).toBe(201);
});

test('limits go by the address the edge tells of, and not by what a client tells itself', async () => {
  const { email } = await newOwner();
  const guess = (from: string, forwardedFor: string) =>
    rig.call('POST', '/v1/auth/login', {
      body: { email, password: 'guess' },
      from,
      headers: { 'x-forwarded-for': forwardedFor },
    });
  const direct = newAddress();
  let invented = 0;
  expect(await count(12, () => guess(direct, `198.51.100.${++invented}`))).toEqual({ 401: 10, 429: 2 });
  const behindEdge = newAddress();
  expect(await count(12, () => guess('10.0.0.1', behindEdge))).toEqual({ 401: 10, 429: 2 });
});

test('bad refresh tokens count for the address they come from, and keep nobody there from refreshing', async () => {
  const from = newAddress();
  const { refreshToken } = await rig.register();
  const refresh = (token: string) => rig.call('POST', '/v1/auth/refresh', { body: { refreshToken: token }, from });
  expect(await count(33, () => refresh('not a token'))).toEqual({ 401: 30, 429: 3 });
  expect((await refresh(refreshToken)).status).toBe(200);
});

test('an account has its refreshes, and loses no session over them', async () => {
  const { refreshToken } = await rig.register();
  let token = refreshToken;
  const statuses: number[] = [];
  for (let index = 0; index < 32; index++) {
    const { status, body } = await rig.refresh(token);
    statuses.push(status);
    token = body.refreshToken ?? token;
  }
  expect(statuses.filter((status) => status === 200)).toHaveLength(30);
  expect(statuses.slice(30)).toEqual([429, 429]);
  rig.setAhead(15 * MINUTE_MS + 1_000);
  expect((await rig.refresh(token)).status).toBe(200);
});
