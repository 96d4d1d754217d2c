import { type Activity, activityRoute } from '@evergreen/service-kit/activity.ts';
import { deadLetterRoutes } from '@evergreen/service-kit/dead-letter-routes.ts';
import { buildHttp, type HttpApp, type HttpOptions } from '@evergreen/service-kit/http.ts';
import type { AdvanceDeps } from './advance-clock.ts';
import { type RouteDeps, routes } from './routes.ts';

export type AppDeps = Omit<RouteDeps, 'advance'> &
  Pick<HttpOptions, 'logger' | 'metrics' | 'ready'> & {
    activity: () => Promise<Activity>;
    advance: Omit<AdvanceDeps, 'pool' | 'clock' | 'activity' | 'stopping'>;
  };

/** Subscriptions over HTTP, not listening. */
export async function buildApp(deps: AppDeps): Promise<HttpApp> {
  const { logger, metrics, ready, access, pool, clock, activity } = deps;
  const description = 'Plans, subscriptions and the billing clock';
  const app = await buildHttp({ service: 'subscriptions', description, logger, metrics, ...(ready && { ready }) });
  const stopping = new AbortController();
  // A walk of the clock may take minutes; it ends with the step in hand, so that closing need not wait for it.
  app.addHook('preClose', async () => stopping.abort());
  routes(app, { ...deps, advance: { ...deps.advance, pool, clock, activity, stopping: stopping.signal } });
  activityRoute(app, access, activity);
  deadLetterRoutes(app, access, deps.deadLetters.desk);
  return app;
}
