import { type Activity, activityRoute } from '@evergreen/service-kit/activity.ts';
import { buildHttp, type HttpApp, type HttpOptions } from '@evergreen/service-kit/http.ts';
import type { Refunds } from './refund.ts';
import { refundRoutes } from './refund-routes.ts';
import { type RouteDeps, walletRoutes } from './routes.ts';

export type AppDeps = RouteDeps & { refunds: Refunds } & Pick<HttpOptions, 'logger' | 'metrics' | 'ready'> & {
    activity: () => Promise<Activity>;
  };

/** The wallet over HTTP, not listening. */
export async function buildApp(deps: AppDeps): Promise<HttpApp> {
  const description = 'Balances, ledger, top-ups and charges';
  const app = await buildHttp({ service: 'wallet', description, ...deps });
  walletRoutes(app, deps);
  refundRoutes(app, deps);
  activityRoute(app, deps.access, deps.activity);
  return app;
}
