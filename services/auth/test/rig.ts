import { spawn } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { EventOf } from '@evergreen/contracts/envelope.ts';
import { UserRegistered, UserUpdated } from '@evergreen/contracts/events/auth.ts';
import type { Session } from '@evergreen/contracts/http/auth.ts';
import type { ProblemBody } from '@evergreen/contracts/problems.ts';
import { on } from '@evergreen/service-kit/batch.ts';
import { connectBroker } from '@evergreen/service-kit/broker.ts';
import { openPool } from '@evergreen/service-kit/database.ts';
import { startOutboxRelay } from '@evergreen/service-kit/outbox.ts';
import { openRateLimits } from '@evergreen/service-kit/rate-limit.ts';
import { serviceCaller } from '@evergreen/service-kit/service-callers.ts';
import { awaitCondition } from '@evergreen/stack/await-condition.ts';
import { SECRET_MARKER } from '@evergreen/stack/secret-search.ts';
import { createTestDatabase, createTestVhost, keepLogLine } from '@evergreen/stack/testing.ts';
import { jest } from '@jest/globals';
import pino from 'pino';
import { Registry } from 'prom-client';
import { buildApp } from '../src/app.ts';
import { readAuthConfig } from '../src/config.ts';
import { authCookies } from '../src/cookies.ts';
import { openPrisma } from '../src/database.ts';
import { openKeyring } from '../src/keyring.ts';
import { openPasswords } from '../src/passwords.ts';

// Hashing takes a core, and on a busy machine some seconds. What hangs for ever still fails.
jest.setTimeout(120_000);

export const ISSUER = 'evergreen';
export const SERVICE_TOKEN = 'service-token-of-the-tests';
export const PASSWORD = `${SECRET_MARKER}a-long-sentence-is-best`;

export interface Answer {
  status: number;
  headers: Record<string, unknown>;
  // biome-ignore lint/suspicious/noExplicitAny: lists are checked by the expectations
  body: Session & ProblemBody & { data?: any };
  cookie: { value: string; maxAge?: number; [attribute: string]: unknown } | undefined;
  /** The token in the device cookie, when it is set. */
  device: string | undefined;
}

export type Rig = Awaited<ReturnType<typeof openRig>>;

/** Settings that auth cannot do without. */
export const ENOUGH = {
  DATABASE_URL: 'postgres://localhost/auth',
  AMQP_URL: 'amqp://localhost',
  PORT: '3001',
};

/**
 * auth on a database and a virtual host of its own, with a clock that can be moved and somebody who hears its events.
 * @param settings as in the environment; limits are the standard ones but for registrations, which tests make many of
 */
export async function openRig(settings: Record<string, string> = {}) {
  const database = await createTestDatabase('auth');
  const vhost = await createTestVhost();
  const logLines: string[] = [];
  const logger = pino(
    { level: 'debug' },
    {
      write: (line: string) => {
        keepLogLine('auth', line);
        logLines.push(line);
      },
    },
  );
  const metrics = new Registry();
  const pool = openPool({ url: database.url, max: 10, service: 'auth', logger });
  const prisma = openPrisma(pool);
  const broker = await connectBroker({ url: vhost.urls.auth, service: 'auth', logger, metrics });
  const relay = startOutboxRelay({ pool, broker, logger, metrics });
  const heard: EventOf<typeof UserRegistered>[] = [];
  const hear = (definition: typeof UserRegistered) => on(definition, async (events) => void heard.push(...events));
  const ears = await connectBroker({ url: vhost.amqpUrl, service: 'ears', logger, metrics: new Registry() });
  await ears.subscribeTransient({
    name: 'test.users',
    handlers: [hear(UserRegistered), hear(UserUpdated)],
    onReconnect: () => undefined,
  });
  let aheadMs = 0;
  const now = () => new Date(Date.now() + aheadMs);
  const keyTimes = { now: () => new Date(), rotateAfterMs: 30 * 24 * 3_600_000, publishedAheadMs: 900_000 };
  const keys = await openKeyring({ pool, logger, ...keyTimes });
  const roomy = { REGISTER_LIMIT_PER_ADDRESS: '10000/1h' };
  const { limits, TRUSTED_PROXIES } = readAuthConfig({ ...ENOUGH, ...roomy, ...settings });
  const rateLimits = openRateLimits({ pool, now, metrics });
  const app = await buildApp({
    logger,
    metrics,
    prisma,
    keys,
    passwords: await openPasswords({ concurrency: 4, queueLimit: 64, perAddress: 64 }),
    issuer: ISSUER,
    cookies: authCookies(true),
    callers: serviceCaller('subscriptions', SERVICE_TOKEN),
    limits,
    rateLimits,
    trustedProxies: TRUSTED_PROXIES,
    now,
    onEvents: relay.wake,
    activity: async () => ({ outbox: await relay.pending(), ...broker.activity() }),
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;

  const call = async (method: Method, url: string, options: CallOptions = {}): Promise<Answer> => {
    const { body, cookie, device, token, from, headers = {} } = options;
    const response = await app.inject({
      method,
      url,
      headers: { ...headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
      cookies: {
        ...(cookie !== undefined && { '__Host-evergreen_refresh': cookie }),
        ...(device !== undefined && { '__Host-evergreen_device': device }),
      },
      ...(from !== undefined && { remoteAddress: from }),
      ...(body !== undefined && { payload: body }),
    });
    return {
      status: response.statusCode,
      headers: response.headers,
      body: (response.body === '' ? {} : response.json()) as Answer['body'],
      cookie: response.cookies.find(({ name }) => name === '__Host-evergreen_refresh'),
      device: response.cookies.find(({ name }) => name === '__Host-evergreen_device')?.value,
    };
  };
  let people = 0;
  return {
    url: `http://127.0.0.1:${port}`,
    database,
    pool,
    keys,
    heard,
    logLines,
    call,
    rateLimits,
    metrics,
    newEmail: () => `person.${++people}@evergreen.test`,
    /** Moves the clock of auth to this far ahead of real time. */
    setAhead: (ms: number) => {
      aheadMs = ms;
    },
    /** Registers somebody, with the refresh token in the body. */
    async register(email = `person.${++people}@evergreen.test`) {
      const answer = await call('POST', '/v1/auth/register', {
        body: { email, password: PASSWORD, refreshTokenIn: 'body' },
      });
      if (answer.status !== 201) throw new Error(`registering was answered ${answer.status}`);
      return { ...answer.body, refreshToken: answer.body.refreshToken ?? '' };
    },
    refresh: (refreshToken: string) => call('POST', '/v1/auth/refresh', { body: { refreshToken } }),
    async close() {
      await app.close();
      await keys.stop();
      await relay.stop();
      await broker.close();
      await ears.close();
      await pool.end();
      await vhost.drop();
      await database.drop();
    },
  };
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

interface CallOptions {
  body?: object | string;
  cookie?: string;
  device?: string;
  /** The address the connection comes from. */
  from?: string;
  token?: string;
  headers?: Record<string, string>;
}

/** Runs a file of src/ as a process of its own, to its end. */
export function runFile(
  file: string,
  env: Record<string, string>,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, '../src', file)], { env, timeout: 60_000 });
    const out = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => {
      out.stdout += chunk;
    });
    child.stderr.on('data', (chunk: Buffer) => {
      out.stderr += chunk;
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, ...out }));
  });
}

/** Polls until `holds` is true. A probe that throws has not happened yet. */
export const until = (what: string, holds: () => Promise<boolean> | boolean): Promise<true> =>
  awaitCondition(async () => ((await holds()) ? true : undefined), { what, timeoutMs: 10_000, intervalMs: 20 });
