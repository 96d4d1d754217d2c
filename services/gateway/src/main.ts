import { remoteKeys } from '@evergreen/service-kit/auth.ts';
import { connectBroker } from '@evergreen/service-kit/broker.ts';
import { openClock } from '@evergreen/service-kit/clock.ts';
import { openPool } from '@evergreen/service-kit/database.ts';
import { startOutboxRelay } from '@evergreen/service-kit/outbox.ts';
import { runService } from '@evergreen/service-kit/process.ts';
import { PrismaPg } from '@prisma/adapter-pg';
import { buildApp } from './app.ts';
import { loadConfig } from './config.ts';
import { PrismaClient } from './generated/client.ts';
import { openHolds } from './holds.ts';

const service = 'gateway';

await runService(service, async ({ logger, metrics, onStop }) => {
  const config = loadConfig();
  const pool = openPool({ url: config.DATABASE_URL, max: config.DATABASE_POOL_SIZE, service, logger });
  onStop('database', () => pool.end());
  const broker = await connectBroker({ url: config.AMQP_URL, service, logger, metrics });
  onStop('broker', () => broker.close());
  const relay = startOutboxRelay({ pool, broker, logger, metrics });
  onStop('outbox relay', () => relay.stop());
  const app = await buildApp({
    pool,
    prisma: new PrismaClient({ adapter: new PrismaPg(pool) }),
    clock: openClock({ simulated: false, pool }),
    holds: openHolds(),
    relay,
    broker,
    findKey: remoteKeys(config.AUTH_JWKS_URL),
    issuer: config.AUTH_ISSUER,
    callers: config.SERVICE_CALLERS,
    apiKey: config.GATEWAY_API_KEY,
    logger,
    metrics,
  });
  onStop('http', () => app.close());
  await app.listen({ host: config.HOST, port: config.PORT });
});
