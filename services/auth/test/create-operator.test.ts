import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openRig, PASSWORD, type Rig, runFile, until } from './rig.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await openRig();
});
afterAll(() => rig.close());

const createOperator = (email: string, password = PASSWORD) =>
  runFile('create-operator.ts', { DATABASE_URL: rig.database.url, OPERATOR_EMAIL: email, OPERATOR_PASSWORD: password });

const logIn = async (email: string, password = PASSWORD) =>
  (await rig.call('POST', '/v1/auth/login', { body: { email, password } })).body;

test('the command makes an operator, who is told of like everybody else; run again, it changes nothing', async () => {
  const email = rig.newEmail();
  expect(await createOperator(email.toUpperCase())).toEqual({
    code: 0,
    stdout: `operator ${email}: created\n`,
    stderr: '',
  });
  const { user, accessToken } = await logIn(email);
  expect(user.role).toBe('operator');
  expect((await rig.call('GET', '/v1/auth/me', { token: accessToken })).body).toEqual(user);
  await until('the event', () => rig.heard.some(({ subject }) => subject === user.id));
  expect(rig.heard.find(({ subject }) => subject === user.id)?.data).toMatchObject({
    email,
    role: 'operator',
    version: 1,
  });

  expect((await createOperator(email, 'another long sentence')).stdout).toBe(`operator ${email}: was one already\n`);
  expect((await logIn(email)).user).toEqual(user);
});

test("a customer's account is refused, for anybody may have registered the address; nothing of it changes", async () => {
  const { user, refreshToken } = await rig.register();
  const account = async () => (await rig.pool.query('SELECT * FROM account WHERE id = $1', [user.id])).rows;
  const before = await account();
  expect(await createOperator(user.email.toUpperCase(), 'another long sentence')).toEqual({
    code: 1,
    stdout: '',
    stderr: `no operator was created: ${user.email} is a customer's account, and stays one; choose another address\n`,
  });
  expect(await account()).toEqual(before);
  expect((await logIn(user.email)).user).toEqual({ ...user, role: 'customer' });
  expect((await rig.refresh(refreshToken)).body.user.role).toBe('customer');
});

test('run twice at once, it makes one account', async () => {
  const email = rig.newEmail();
  const runs = await Promise.all([createOperator(email), createOperator(email)]);
  expect(runs.map(({ code }) => code)).toEqual([0, 0]);
  const { rows } = await rig.pool.query('SELECT role FROM account WHERE email = $1', [email]);
  expect(rows).toEqual([{ role: 'operator' }]);
});

test('what cannot be is refused in one line', async () => {
  const [badValues, commonPassword] = await Promise.all([
    createOperator('nobody', 'short'),
    createOperator(rig.newEmail(), 'password123'),
  ]);
  expect(badValues).toEqual({
    code: 78,
    stdout: '',
    stderr:
      'no operator was created: OPERATOR_EMAIL must be an email address; OPERATOR_PASSWORD must be a password of 8 to 128 characters\n',
  });
  expect(commonPassword).toEqual({
    code: 1,
    stdout: '',
    stderr: 'no operator was created: the password is one of the most common passwords\n',
  });
});
