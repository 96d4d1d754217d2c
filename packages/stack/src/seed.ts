import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { repositoryRoot } from './paths.ts';
import { ReadableError } from './readable-error.ts';

export const demoEmail = 'demo@evergreen.test';
export const operatorEmail = 'operator@evergreen.test';

const requestTimeoutMs = 60_000;
const operatorTimeoutMs = 30_000;

/** The plans of a new stack. Amounts are cents. */
const plans = [
  {
    name: 'Day Pass',
    description: 'Everything, for a day at a time.',
    price: { amount: 99, currency: 'USD' },
    interval: { unit: 'day', count: 1 },
    trialDays: 0,
    graceDays: 1,
    accessDuringGrace: false,
  },
  {
    name: 'Weekly',
    description: 'Everything, week by week.',
    price: { amount: 499, currency: 'USD' },
    interval: { unit: 'week', count: 1 },
    trialDays: 0,
    graceDays: 3,
    accessDuringGrace: false,
  },
  {
    name: 'Monthly',
    description: 'Everything, with a week to top up when a renewal comes at a bad moment.',
    price: { amount: 1299, currency: 'USD' },
    interval: { unit: 'month', count: 1 },
    trialDays: 0,
    graceDays: 7,
    accessDuringGrace: false,
  },
  {
    name: 'Yearly',
    description: 'Everything for a year, for the price of ten months.',
    price: { amount: 12900, currency: 'USD' },
    interval: { unit: 'year', count: 1 },
    trialDays: 0,
    graceDays: 14,
    accessDuringGrace: true,
  },
];

/** The accounts are there, and somebody has given them another password. */
export class OtherPasswordError extends ReadableError {}

export interface SeedOptions {
  /** The edge's origin. */
  baseUrl: string;
  /** The auth service's database, in which the operator's account is made; left out where it is there already. */
  authDatabaseUrl?: string;
  /** `operatorEmail` if left out. */
  operatorEmail?: string;
  /** Of both accounts. */
  password: string;
}

/**
 * Makes the two demo accounts and the four plans. Each part is skipped where it exists, so a cut-off run is repeated.
 * @throws OtherPasswordError when the accounts have another password; Error when a request is refused
 */
export async function seed(options: SeedOptions): Promise<void> {
  const { baseUrl, password, operatorEmail: operator = operatorEmail } = options;
  // The operator comes first, because an address that a customer has registered is refused.
  if (options.authDatabaseUrl)
    await createOperator({ databaseUrl: options.authDatabaseUrl, email: operator, password });
  const registration = { email: demoEmail, password, timeZone: 'Europe/Amsterdam', locale: 'en' };
  const registered = await request(baseUrl, 'POST', '/v1/auth/register', { body: registration });
  if (registered.status !== 409) mustSucceed(registered, `register ${demoEmail}`);
  const login = await request(baseUrl, 'POST', '/v1/auth/login', { body: { email: operator, password } });
  if (login.status === 401)
    throw new OtherPasswordError(`${operator} has another password: that of the first start counts.`);
  const { accessToken } = mustSucceed<{ accessToken: string }>(login, `log in as ${operator}`);
  const listed = await request(baseUrl, 'GET', '/v1/plans', { accessToken });
  const existing = mustSucceed<{ data: { name: string }[] }>(listed, 'list the plans').data.map((plan) => plan.name);
  for (const plan of plans.filter(({ name }) => !existing.includes(name))) {
    const idempotencyKey = `seed-${plan.name.toLowerCase().replaceAll(' ', '-')}`;
    const created = await request(baseUrl, 'POST', '/v1/plans', { accessToken, idempotencyKey, body: plan });
    mustSucceed(created, `create the plan ${plan.name}`);
  }
}

/**
 * Makes an operator's account with the auth service's own command; an existing one is left as it is.
 * @throws ReadableError with the command's own sentence, such as when a customer has the address
 */
export function createOperator(options: { databaseUrl: string; email: string; password: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(repositoryRoot, 'services/auth/src/create-operator.ts')], {
      env: {
        ...process.env,
        DATABASE_URL: options.databaseUrl,
        OPERATOR_EMAIL: options.email,
        OPERATOR_PASSWORD: options.password,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: operatorTimeoutMs,
    });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr = `${stderr}${chunk}`.slice(-4_000);
    });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve();
      else
        reject(
          new ReadableError(`Could not create the operator ${options.email} (${signal ?? code}): ${stderr.trim()}`),
        );
    });
  });
}

interface Answer {
  status: number;
  text: string;
}

/** One request to the edge. Moving the clock by weeks takes longer than others. */
export async function request(
  baseUrl: string,
  method: string,
  path: string,
  options: { body?: unknown; accessToken?: string; idempotencyKey?: string },
): Promise<Answer> {
  const headers: Record<string, string> = options.body === undefined ? {} : { 'content-type': 'application/json' };
  if (options.accessToken) headers.authorization = `Bearer ${options.accessToken}`;
  if (options.idempotencyKey) headers['idempotency-key'] = options.idempotencyKey;
  const response = await fetch(`${baseUrl}${path}`, {
    method,
    headers,
    signal: AbortSignal.timeout(requestTimeoutMs),
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
  });
  return { status: response.status, text: await response.text() };
}

/** The answer's body. @throws Error with status and body when it is a refusal */
export function mustSucceed<T>(answer: Answer, what: string): T {
  if (answer.status >= 300) throw new Error(`could not ${what}: ${answer.status} ${answer.text}`);
  return JSON.parse(answer.text) as T;
}
