import { connectBroker } from '@evergreen/service-kit/broker.ts';
import { openPool } from '@evergreen/service-kit/database.ts';
import { startOutboxRelay } from '@evergreen/service-kit/outbox.ts';
import { runService, type ServiceContext } from '@evergreen/service-kit/process.ts';
import { startPruning } from '@evergreen/service-kit/pruning.ts';
import { openRateLimits } from '@evergreen/service-kit/rate-limit.ts';
import { buildApp } from './app.ts';
import { readAuthConfig } from './config.ts';
import { authCookies } from './cookies.ts';
import { openPrisma } from './database.ts';
import { pruneDevices } from './devices.ts';
import { openKeyring } from './keyring.ts';
import { makeFirstOperator } from './operator.ts';
import { openPasswords } from './passwords.ts';
import { pruneSessions } from './sessions.ts';

const DAY_MS = 24 * 3_600_000;

await runService('auth', async ({ logger, metrics, onStop }: ServiceContext) => {
  const config = readAuthConfig();

  const pool = openPool({ url: config.DATABASE_URL, max: config.DATABASE_POOL_SIZE, service: 'auth', logger });
  onStop('database', () => pool.end());
  const prisma = openPrisma(pool);
  const now = () => new Date();
  const rateLimits = openRateLimits({ pool, now, metrics });
  const pruning = startPruning(logger, {
    sessions: () => pruneSessions(pool, now()),
    devices: () => pruneDevices(pool, now()),
    'rate limits': rateLimits.prune,
  });
  onStop('pruning', () => pruning.stop());
  const broker = await connectBroker({ url: config.AMQP_URL, service: 'auth', logger, metrics });
  onStop('broker', () => broker.close());
  const relay = startOutboxRelay({ pool, broker, logger, metrics });
  onStop('outbox relay', () => relay.stop());

  const keys = await openKeyring({
    pool,
    now,
    logger,
    rotateAfterMs: config.KEY_ROTATION_DAYS * DAY_MS,
    publishedAheadMs: config.KEY_PUBLISHED_AHEAD_SECONDS * 1_000,
  });
  onStop('signing keys', () => keys.stop());
  if (config.operator) await makeFirstOperator(prisma, config.operator, logger);

  const app = await buildApp({
    logger,
    metrics,
    prisma,
    keys,
    limits: config.limits,
    rateLimits,
    trustedProxies: config.TRUSTED_PROXIES,
    passwords: await openPasswords({
      concurrency: config.HASHING_CONCURRENCY,
      queueLimit: config.HASHING_QUEUE,
      perAddress: config.HASHING_PER_ADDRESS,
    }),
    issuer: config.AUTH_ISSUER,
    cookies: authCookies(config.COOKIE_SECURE),
    callers: config.SERVICE_CALLERS,
    now,
    onEvents: relay.wake,
    activity: async () => ({ outbox: await relay.pending(), ...broker.activity() }),
    ready: {
      database: async () => {
        await pool.query('SELECT 1');
      },
      broker: () => {
        if (!broker.isReady()) throw new Error('the broker is away');
      },
    },
  });
  await app.listen({ host: config.HOST, port: config.PORT });
  onStop('HTTP', () => app.close());
});
