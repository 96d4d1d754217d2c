import { type Activity, activityRoute } from '@evergreen/service-kit/activity.ts';
import type { DeadLetterDesk } from '@evergreen/service-kit/dead-letter-desk.ts';
import { deadLetterRoutes } from '@evergreen/service-kit/dead-letter-routes.ts';
import { buildHttp, type HttpApp, type HttpOptions } from '@evergreen/service-kit/http.ts';
import { notificationRoutes, preferenceRoutes, type RouteDeps } from './routes.ts';

export type AppDeps = RouteDeps &
  Pick<HttpOptions, 'logger' | 'metrics' | 'ready'> & { activity: () => Promise<Activity>; desk: DeadLetterDesk };

/** The notifier over HTTP, not listening. The sockets are attached to its server by sockets.ts. */
export async function buildApp(deps: AppDeps): Promise<HttpApp> {
  const description = 'Notification inbox; new ones are pushed over socket.io';
  const app = await buildHttp({ service: 'notifier', description, ...deps });
  notificationRoutes(app, deps);
  preferenceRoutes(app, deps);
  activityRoute(app, deps.access, deps.activity);
  deadLetterRoutes(app, deps.access, deps.desk);
  return app;
}
