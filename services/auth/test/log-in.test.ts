import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openPasswords } from '../src/passwords.ts';
import { openRig, PASSWORD, type Rig } from './rig.ts';

let rig: Rig;

beforeAll(async () => {
  const roomy = '10000/15m';
  rig = await openRig({
    LOGIN_LIMIT_PER_ADDRESS: roomy,
    LOGIN_LIMIT_PER_ACCOUNT: roomy,
    LOGIN_LIMIT_PER_ACCOUNT_AND_ADDRESS: roomy,
  });
});
afterAll(() => rig.close());

const logIn = (email: string, password: string) => rig.call('POST', '/v1/auth/login', { body: { email, password } });

test('who knows the password gets a session, in any spelling of the email', async () => {
  const { user } = await rig.register();
  const { status, body, cookie } = await logIn(` ${user.email.toUpperCase()} `, PASSWORD);
  expect({ status, user: body.user }).toEqual({ status: 200, user });
  expect(cookie?.value).toMatch(/^[\w-]{43}$/);
  expect((await rig.call('GET', '/v1/auth/me', { token: body.accessToken })).body).toEqual(user);
});

test('an unknown email and a wrong password cannot be told apart, in words or in time', async () => {
  const { user } = await rig.register();
  const answers = new Set<string>();
  const timed = async (email: string): Promise<number> => {
    const startedAt = performance.now();
    const body = { email, password: 'not the password' };
    const { status, body: told, headers } = await rig.call('POST', '/v1/auth/login', { body });
    const tookMs = performance.now() - startedAt;
    const names = Object.keys(headers).sort().join();
    answers.add(JSON.stringify({ httpStatus: status, ...told, requestId: undefined, names }));
    return tookMs;
  };
  // Turn by turn, each kind first as often as the other, and compared within a turn: what slows the machine slows both.
  const ratios: number[] = [];
  for (let round = 0; round < 50; round++) {
    const emails = [user.email, 'nobody@evergreen.test'];
    const ms: Record<string, number> = {};
    for (const email of round % 2 ? emails : emails.reverse()) ms[email] = await timed(email);
    ratios.push((ms[user.email] ?? 0) / (ms['nobody@evergreen.test'] ?? 0));
  }
  expect([...answers].map((answer) => JSON.parse(answer))).toEqual([
    expect.objectContaining({ httpStatus: 401, status: 401, code: 'invalid_credentials' }),
  ]);
  // Without the hash of nobody this ratio is above ten.
  const ratio = median(ratios);
  expect(ratio).toBeGreaterThan(0.7);
  expect(ratio).toBeLessThan(1.4);
});

const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

test('what is no email or too long is refused before any work', async () => {
  expect((await logIn('\u0000', PASSWORD)).body.errors).toMatchObject([{ field: 'body.email' }]);
  expect((await logIn('somebody@evergreen.test', 'x'.repeat(129))).body.errors).toMatchObject([
    { field: 'body.password' },
  ]);
});

test('the routes of an account need its token', async () => {
  const { user, accessToken, refreshToken } = await rig.register();
  expect((await rig.call('GET', '/v1/auth/me')).body.code).toBe('unauthenticated');
  expect((await rig.call('GET', '/v1/auth/me', { token: refreshToken })).body.code).toBe('unauthenticated');
  await rig.pool.query('DELETE FROM account WHERE id = $1', [user.id]);
  expect(await rig.call('GET', '/v1/auth/me', { token: accessToken })).toMatchObject({
    status: 401,
    body: { code: 'unauthenticated' },
  });
  expect((await rig.call('GET', '/internal/activity', { token: accessToken })).status).toBe(401);
});

test('no more passwords are hashed at once than allowed, and a full queue turns people away', async () => {
  const { hash, matches } = await openPasswords({ concurrency: 1, queueLimit: 2, perAddress: 3 });
  const answers = await Promise.allSettled(['a', 'b', 'c', 'd'].map((address) => hash(PASSWORD, address)));
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected']);
  expect(answers[3]).toMatchObject({ reason: { code: 'service_unavailable', extras: { retryAfterSeconds: 1 } } });
  const [first, second] = answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : ''));
  expect(first).not.toBe(second);
  // The queue has room again.
  expect(
    await Promise.all([
      matches(PASSWORD, first, 'a'),
      matches('another', first, 'a'),
      matches(PASSWORD, undefined, 'a'),
    ]),
  ).toEqual([true, false, false]);
});

test('one address does not take all the places for hashing', async () => {
  const { hash } = await openPasswords({ concurrency: 1, queueLimit: 5, perAddress: 2 });
  // One line of IPv6 is one address here, whichever of its networks it uses.
  const [a, alsoA, b] = ['2001:db8:1:1::/64', '2001:db8:1:2::/64', '192.0.2.7'];
  const answers = await Promise.allSettled([a, alsoA, a, b].map((address) => hash(PASSWORD, address)));
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
  await hash(PASSWORD, a);
});
