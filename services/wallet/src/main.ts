import { hostname } from 'node:os';
import { accessHooks, remoteKeys, tokenVerifier } from '@evergreen/service-kit/auth.ts';
import { connectBroker } from '@evergreen/service-kit/broker.ts';
import { openClock } from '@evergreen/service-kit/clock.ts';
import { openPool } from '@evergreen/service-kit/database.ts';
import { openDeadLetterDesk } from '@evergreen/service-kit/dead-letter-desk.ts';
import { startInboxPruning } from '@evergreen/service-kit/inbox.ts';
import { startOutboxRelay } from '@evergreen/service-kit/outbox.ts';
import { runService } from '@evergreen/service-kit/process.ts';
import { startPruning } from '@evergreen/service-kit/pruning.ts';
import { openRateLimits } from '@evergreen/service-kit/rate-limit.ts';
import { PrismaPg } from '@prisma/adapter-pg';
import { buildApp } from './app.ts';
import { countRested, startAutoTopUpRetries } from './auto-top-up-retries.ts';
import { circuitEvents } from './circuit-events.ts';
import { readWalletConfig } from './config.ts';
import { consume } from './consumers.ts';
import { PrismaClient } from './generated/client.ts';
import { observeLedger } from './ledger-metrics.ts';
import { attemptRecorder } from './payment-attempt.ts';
import { paymentGateway } from './payment-gateway.ts';
import { refunds as openRefunds } from './refund.ts';
import { topUps as openTopUps } from './top-up.ts';
import { countUnfinished } from './top-up-store.ts';

await runService('wallet', async ({ logger, metrics, onStop }) => {
  const config = readWalletConfig();

  const pool = openPool({ url: config.DATABASE_URL, max: config.DATABASE_POOL_SIZE, service: 'wallet', logger });
  onStop('database', () => pool.end());
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) });

  const inbox = startInboxPruning(pool, logger);
  onStop('inbox pruning', () => inbox.stop());

  const rateLimits = openRateLimits({ pool, now: () => new Date(), metrics });
  const pruning = startPruning(logger, { 'rate limits': rateLimits.prune });
  onStop('pruning', () => pruning.stop());

  const broker = await connectBroker({ url: config.AMQP_URL, service: 'wallet', logger, metrics });
  onStop('broker', () => broker.close());
  const outbox = startOutboxRelay({ pool, broker, logger, metrics });
  onStop('outbox relay', () => outbox.stop());
  const wakeOutbox = outbox.wake;

  const clock = openClock({ simulated: config.SIMULATED_CLOCK, pool });
  const replica = `${hostname()}-${process.pid}`;
  const payments = paymentGateway({
    url: config.GATEWAY_URL,
    apiKey: config.GATEWAY_API_KEY,
    logger,
    metrics,
    onCircuitChange: circuitEvents({ pool, clock, wakeOutbox, logger, replica }),
    onAttempt: attemptRecorder({ pool, clock, logger }),
  });
  const countTransfers = observeLedger({ pool, logger, metrics });
  const topUps = openTopUps({ pool, clock, payments, wakeOutbox, countTransfers, logger });
  onStop('top-ups', () => topUps.stop());
  const refill = { clock, wakeTopUps: topUps.wake, countTransfers };
  const refunds = openRefunds({ pool, payments, wakeOutbox, logger, ...refill });
  onStop('refunds', () => refunds.stop());
  onStop('payment gateway', () => payments.stop());
  const retries = startAutoTopUpRetries({ pool, logger, ...refill });
  onStop('automatic top-ups', () => retries.stop());
  await consume(broker, { pool, wakeOutbox, onClockMoved: retries.wake, ...refill });

  const verifyToken = tokenVerifier({ findKey: remoteKeys(config.AUTH_JWKS_URL), issuer: config.AUTH_ISSUER });
  const app = await buildApp({
    logger,
    metrics,
    pool,
    prisma,
    topUps,
    rateLimits,
    limits: config.limits,
    trustedProxies: config.TRUSTED_PROXIES,
    limitSettings: async ({ caller }) => void (await rateLimits.take([[config.limits.settingsPerAccount, caller.id]])),
    refunds,
    payments,
    replica,
    gateway: { url: config.GATEWAY_URL, apiKey: config.GATEWAY_API_KEY },
    wakeOutbox,
    ...refill,
    access: accessHooks({ verifyToken, callers: config.SERVICE_CALLERS }),
    ready: {
      database: async () => void (await pool.query('SELECT 1')),
      broker: () => {
        if (!broker.isReady()) throw new Error('not connected');
      },
    },
    desk: openDeadLetterDesk({ service: 'wallet', broker, pool, logger }),
    activity: async () => {
      const { inFlight, handled } = broker.activity();
      // In the order in which work goes on, so that nothing slips through between two readings. A top-up that rests after an
      // unknown outcome is still on its way, whichever replica will pursue it.
      const rested = await countRested({ pool, clock });
      const unfinished = await countUnfinished(pool);
      return { outbox: await outbox.pending(), inFlight: inFlight + rested + unfinished, handled };
    },
  });
  onStop('http', () => app.close());
  await app.listen({ host: config.HOST, port: config.PORT });
});
