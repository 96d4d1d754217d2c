import { accessHooks, type FindKey, tokenVerifier } from '@evergreen/service-kit/auth.ts';
import { connectBroker } from '@evergreen/service-kit/broker.ts';
import { openClock } from '@evergreen/service-kit/clock.ts';
import { openPool } from '@evergreen/service-kit/database.ts';
import { openDeadLetterDesk } from '@evergreen/service-kit/dead-letter-desk.ts';
import { startInboxPruning } from '@evergreen/service-kit/inbox.ts';
import { startOutboxRelay } from '@evergreen/service-kit/outbox.ts';
import type { ServiceContext } from '@evergreen/service-kit/process.ts';
import { startPruning } from '@evergreen/service-kit/pruning.ts';
import { openRateLimits } from '@evergreen/service-kit/rate-limit.ts';
import { PrismaPg } from '@prisma/adapter-pg';
import { buildApp } from './app.ts';
import { readNow } from './business-time.ts';
import { createCatchUpProgress } from './catch-up-progress.ts';
import type { SubscriptionsConfig } from './config.ts';
import { consume } from './consumers.ts';
import { PrismaClient } from './generated/client.ts';
import { observeLag } from './lag.ts';
import { startScheduler } from './scheduler.ts';
import { readBacklog } from './sql/due.ts';
import { openSubscriptionStore } from './subscription-store.ts';
import { createSweep } from './sweep.ts';

/**
 * The composition root: opens everything in order, and registers how to close it in the opposite one.
 * @returns the origin it listens on
 */
export async function startSubscriptions(
  { logger, metrics, onStop }: ServiceContext,
  config: SubscriptionsConfig,
  findKey: FindKey,
): Promise<string> {
  const service = 'subscriptions';
  const pool = openPool({ url: config.DATABASE_URL, max: config.DATABASE_POOL_SIZE, service, logger });
  onStop('database', () => pool.end());
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
  const inbox = startInboxPruning(pool, logger);
  onStop('inbox pruning', () => inbox.stop());
  const rateLimits = openRateLimits({ pool, now: () => new Date(), metrics });
  const pruning = startPruning(logger, { 'rate limits': rateLimits.prune });
  onStop('pruning', () => pruning.stop());

  const broker = await connectBroker({ url: config.AMQP_URL, service, logger, metrics });
  onStop('broker', () => broker.close());
  const outbox = startOutboxRelay({ pool, broker, logger, metrics });
  onStop('outbox relay', () => outbox.stop());

  const clock = openClock({ simulated: config.SIMULATED_CLOCK, pool });
  const store = openSubscriptionStore({ pool, wakeOutbox: outbox.wake, metrics });
  const countDue = async () => (await readBacklog(pool, await readNow(clock))).due;
  const progress = createCatchUpProgress({ countDue, logger });
  const scheduler = startScheduler(createSweep({ store, clock, progress, logger, metrics }), logger);
  onStop('scheduler', () => scheduler.stop());
  observeLag({ pool, clock, logger, metrics });
  await consume(broker, { store, clock });

  const verifyToken = tokenVerifier({ findKey, issuer: config.AUTH_ISSUER });
  const app = await buildApp({
    logger,
    metrics,
    pool,
    prisma,
    store,
    clock,
    limitCommands: async ({ caller }) => void (await rateLimits.take([[config.commandLimit, caller.id]])),
    access: accessHooks({ verifyToken, callers: config.SERVICE_CALLERS }),
    ready: {
      database: async () => void (await pool.query('SELECT 1')),
      broker: () => {
        if (!broker.isReady()) throw new Error('not connected');
      },
    },
    deadLetters: {
      desk: openDeadLetterDesk({ service, broker, pool, logger }),
      urls: config.ACTIVITY_URLS,
      serviceToken: config.SERVICE_TOKEN,
      logger,
    },
    activity: async () => ({ outbox: await outbox.pending(), ...broker.activity() }),
    advance: {
      broker,
      // Our own replicas have work in hand like anybody else.
      activityUrls: [...config.ACTIVITY_URLS, ...(config.OWN_URL ? [config.OWN_URL] : [])],
      serviceToken: config.SERVICE_TOKEN,
      settleTimeoutMs: config.SETTLE_TIMEOUT_MS,
      wakeOutbox: outbox.wake,
      wakeScheduler: scheduler.wake,
    },
  });
  onStop('http', () => app.close());
  return app.listen({ host: config.HOST, port: config.PORT });
}
