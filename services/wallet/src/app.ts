import { type Activity, activityRoute } from '@evergreen/service-kit/activity.ts';
import type { DeadLetterDesk } from '@evergreen/service-kit/dead-letter-desk.ts';
import { deadLetterRoutes } from '@evergreen/service-kit/dead-letter-routes.ts';
import { buildHttp, type HttpApp, type HttpOptions } from '@evergreen/service-kit/http.ts';
import { type GatewayHealthDeps, gatewayHealthRoutes } from './gateway-health-routes.ts';
import { type OperatorRouteDeps, operatorRoutes } from './operator-routes.ts';
import { type PaymentMethodRouteDeps, paymentMethodRoutes } from './payment-method-routes.ts';
import type { Refunds } from './refund.ts';
import { refundRoutes } from './refund-routes.ts';
import { type RouteDeps, walletRoutes } from './routes.ts';

export type AppDeps = RouteDeps &
  OperatorRouteDeps &
  PaymentMethodRouteDeps &
  GatewayHealthDeps & { refunds: Refunds } & Pick<HttpOptions, 'logger' | 'metrics' | 'ready' | 'trustedProxies'> & {
    activity: () => Promise<Activity>;
    desk: DeadLetterDesk;
  };

/** The wallet over HTTP, not listening. */
export async function buildApp(deps: AppDeps): Promise<HttpApp> {
  const description = 'Balances, ledger, top-ups and charges';
  const app = await buildHttp({ service: 'wallet', description, ...deps });
  walletRoutes(app, deps);
  refundRoutes(app, deps);
  operatorRoutes(app, deps);
  paymentMethodRoutes(app, deps);
  gatewayHealthRoutes(app, deps);
  activityRoute(app, deps.access, deps.activity);
  deadLetterRoutes(app, deps.access, deps.desk);
  return app;
}
