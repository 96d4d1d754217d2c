import { type Activity, activityRoute } from '@evergreen/service-kit/activity.ts';
import { accessHooks, tokenVerifier } from '@evergreen/service-kit/auth.ts';
import { buildHttp, type HttpOptions } from '@evergreen/service-kit/http.ts';
import cookie from '@fastify/cookie';
import { authRoutes, type RouteDeps } from './routes.ts';

export interface AppDeps
  extends Omit<RouteDeps, 'access'>,
    Pick<HttpOptions, 'logger' | 'metrics' | 'ready' | 'trustedProxies'> {
  callers: string;
  activity: () => Promise<Activity>;
}

/** auth's HTTP app, not listening. It checks access tokens as every other service does, with the keys it holds. */
export async function buildApp(deps: AppDeps) {
  const { logger, metrics, ready = {}, trustedProxies = [], keys, issuer, callers } = deps;
  const description = 'Accounts, sessions and the tokens that every other service trusts.';
  const app = await buildHttp({ service: 'auth', description, logger, metrics, ready, trustedProxies });
  await app.register(cookie);
  const verifyToken = tokenVerifier({ findKey: keys.findKey, issuer });
  const access = accessHooks({ verifyToken, callers });
  authRoutes(app, { ...deps, access });
  activityRoute(app, access, deps.activity);
  return app;
}
