import { type Activity, activityRoute } from '@evergreen/service-kit/activity.ts';
import { buildHttp, type HttpApp, type HttpOptions } from '@evergreen/service-kit/http.ts';
import { type RouteDeps, walletRoutes } from './routes.ts';

export type AppDeps = RouteDeps &
  Pick<HttpOptions, 'logger' | 'metrics' | 'ready'> & { activity: () => Promise<Activity> };

/** The wallet over HTTP, not listening. */
export async function buildApp(deps: AppDeps): Promise<HttpApp> {
  const description = 'Balances, ledger, top-ups and charges';
  const app = await buildHttp({ service: 'wallet', description, ...deps });
  walletRoutes(app, deps);
  activityRoute(app, deps.access, deps.activity);
  return app;
}
