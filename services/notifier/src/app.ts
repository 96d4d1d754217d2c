import { type Activity, activityRoute } from '@evergreen/service-kit/activity.ts';
import { buildHttp, type HttpApp, type HttpOptions } from '@evergreen/service-kit/http.ts';
import { notificationRoutes, preferenceRoutes, type RouteDeps } from './routes.ts';

export type AppDeps = RouteDeps &
  Pick<HttpOptions, 'logger' | 'metrics' | 'ready'> & { activity: () => Promise<Activity> };

/** The notifier over HTTP, not listening. The sockets are attached to its server by sockets.ts. */
export async function buildApp(deps: AppDeps): Promise<HttpApp> {
  const description = 'Notification inbox; new ones are pushed over socket.io';
  const app = await buildHttp({ service: 'notifier', description, ...deps });
  notificationRoutes(app, deps);
  preferenceRoutes(app, deps);
  activityRoute(app, deps.access, deps.activity);
  return app;
}
