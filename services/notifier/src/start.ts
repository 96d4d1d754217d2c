import { accessHooks, type FindKey, tokenVerifier } from '@evergreen/service-kit/auth.ts';
import { connectBroker } from '@evergreen/service-kit/broker.ts';
import { clientAddressFinder } from '@evergreen/service-kit/client-address.ts';
import { openClock } from '@evergreen/service-kit/clock.ts';
import { openPool } from '@evergreen/service-kit/database.ts';
import { openDeadLetterDesk } from '@evergreen/service-kit/dead-letter-desk.ts';
import { openFlowTap } from '@evergreen/service-kit/flow-tap.ts';
import { startInboxPruning } from '@evergreen/service-kit/inbox.ts';
import { startOutboxRelay } from '@evergreen/service-kit/outbox.ts';
import type { ServiceContext } from '@evergreen/service-kit/process.ts';
import { PrismaPg } from '@prisma/adapter-pg';
import { buildApp } from './app.ts';
import { createCatchup } from './catch-up.ts';
import type { NotifierConfig } from './config.ts';
import { consume } from './consumers.ts';
import { createEventFlow, type OpenTap } from './event-flow.ts';
import { PrismaClient } from './generated/client.ts';
import { listen } from './listen.ts';
import { createPusher } from './push.ts';
import { startRetention } from './retention.ts';
import { openSockets } from './sockets.ts';

/**
 * Starts the notifier, and registers how to stop it: sockets close first, then HTTP, the relay, consumers with the
 * broker, and the database.
 * @returns the address HTTP listens on
 */
export async function startNotifier(
  { logger, metrics, onStop }: ServiceContext,
  config: NotifierConfig,
  findKey: FindKey,
): Promise<string> {
  const pool = openPool({ url: config.DATABASE_URL, max: config.DATABASE_POOL_SIZE, service: 'notifier', logger });
  onStop('database', () => pool.end());
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
  const clock = openClock({ simulated: config.SIMULATED_CLOCK, pool });
  const broker = await connectBroker({ url: config.AMQP_URL, service: 'notifier', logger, metrics });
  onStop('broker', () => broker.close());

  const verifyToken = tokenVerifier({ findKey, issuer: config.AUTH_ISSUER });
  const wakeOutbox = () => relay.wake();
  const app = await buildApp({
    logger,
    metrics,
    pool,
    prisma,
    clock,
    wakeOutbox,
    access: accessHooks({ verifyToken, callers: config.SERVICE_CALLERS }),
    ready: {
      database: async () => void (await pool.query('SELECT 1')),
      broker: () => {
        if (!broker.isReady()) throw new Error('not connected');
      },
    },
    desk: openDeadLetterDesk({ service: 'notifier', broker, pool, logger }),
    activity: async () => ({ outbox: await relay.pending(), ...broker.activity() }),
  });
  const sockets = openSockets({
    server: app.server,
    verifyToken,
    allowedOrigins: config.ALLOWED_ORIGINS,
    addressOf: clientAddressFinder(config.TRUSTED_PROXIES),
    logger,
    metrics,
  });
  const pusher = createPusher(sockets.io, createCatchup(pool), logger);
  const openTap: OpenTap = (take) => openFlowTap({ url: config.AMQP_URL, service: 'notifier', logger, take });
  const flow = createEventFlow(sockets.io, openTap, logger);
  onStop('event flow', () => flow.close());
  sockets.onAdmitted((socket, lastNotificationId) => {
    pusher.welcome(socket, lastNotificationId);
    flow.offerTo(socket);
  });

  await listen(broker, pusher);
  const relay = startOutboxRelay({ pool, broker, logger, metrics });
  onStop('outbox relay', () => relay.stop());
  const pruning = startInboxPruning(pool, logger);
  onStop('inbox pruning', () => pruning.stop());
  const retention = startRetention(pool, logger, config);
  onStop('retention', () => retention.stop());
  await consume(broker, { pool, clock, wakeOutbox });

  onStop('HTTP', () => app.close());
  onStop('sockets', () => sockets.close());
  return app.listen({ host: config.HOST, port: config.PORT });
}
