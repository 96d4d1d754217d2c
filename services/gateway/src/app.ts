import { activityRoute } from '@evergreen/service-kit/activity.ts';
import type { FindKey } from '@evergreen/service-kit/auth.ts';
import { accessHooks, requireKey, tokenVerifier } from '@evergreen/service-kit/auth.ts';
import type { Broker } from '@evergreen/service-kit/broker.ts';
import { buildHttp, type HttpApp } from '@evergreen/service-kit/http.ts';
import type { OutboxRelay } from '@evergreen/service-kit/outbox.ts';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { docsPage } from './docs-page.ts';
import { routes } from './routes.ts';
import type { PaymentDeps } from './take-payment.ts';

const DESCRIPTION = `FakePaymentGateway: a payment provider with delays, declines and outages.

Payments, refunds and the list of test cards take the API key that the provider gave the wallet (\`service\`, as a bearer token).
What is below /v1 takes an access token of Evergreen (\`accessToken\`).`;

export interface AppDeps extends Omit<PaymentDeps, 'relay'> {
  relay: OutboxRelay;
  broker: Pick<Broker, 'isReady'>;
  findKey: FindKey;
  issuer: string;
  callers: string;
  apiKey: string;
  logger: Logger;
  metrics: Registry;
}

/** The payment provider, not listening. Closing it decides what is in hand and cuts off what hangs. */
export async function buildApp(deps: AppDeps): Promise<HttpApp> {
  const { pool, broker, holds, relay, findKey, issuer, callers, apiKey, logger, metrics } = deps;
  const app = await buildHttp({
    service: 'gateway',
    description: DESCRIPTION,
    logger,
    metrics,
    ready: {
      database: async () => void (await pool.query('SELECT 1')),
      broker: () => {
        if (!broker.isReady()) throw new Error('not connected');
      },
    },
  });
  const verifyToken = tokenVerifier({ findKey, issuer });
  const access = accessHooks({ verifyToken, callers });
  await docsPage(app);
  routes(app, { ...deps, access, requireApiKey: requireKey(apiKey) });
  activityRoute(app, access, async () => {
    // In this order, since a payment goes from hand to outbox: the other way round one could slip through between.
    const inHand = holds.activity();
    return { ...inHand, outbox: await relay.pending() };
  });
  app.addHook('preClose', () => holds.close());
  return app;
}
