import { buildHttp, type HttpOptions } from '@evergreen/service-kit/http.ts';
import { apiDocuments } from './api-document.ts';
import { originFinder } from './client-origin.ts';
import type { Upstreams } from './config.ts';
import { boundConnections } from './connections.ts';
import { docsPage } from './docs-page.ts';
import { proxyRoute } from './proxy.ts';
import { type Resolve, resolveAll } from './replicas.ts';
import { type Route, UPSTREAMS } from './route-table.ts';
import { addSecurityHeaders } from './security-headers.ts';
import { isSocketUpgrade, tunnelSockets } from './socket-tunnel.ts';
import { webApp } from './web-app.ts';

/** How long requests in hand may go on when the edge stops; a long poll would take longer than anybody waits. */
const STOP_GRACE_MS = 3_000;
const READY_TIMEOUT_MS = 1_500;

export interface AppDeps extends Pick<HttpOptions, 'logger' | 'metrics'> {
  upstreams: Upstreams;
  routes: readonly Route[];
  /** How long a connection may be silent before it is closed, if it is not the service that is silent: 30 s if left out. */
  silenceTimeoutMs?: number;
  /** Addresses or networks of proxies in front of the edge, which are believed when they say whom they speak for. */
  frontProxies?: readonly string[];
  /** The folder with the built web app. Without it there is the API alone, and `/` leads to its page. */
  webRoot?: string | undefined;
  /** Whether links may fill in the sign-in, for a demo. */
  demoSignIn?: boolean;
  /** How the addresses of a service's replicas are found: as the machine resolves names, if left out. */
  resolve?: Resolve;
}

/** The edge's HTTP app, not listening: one origin for all services, the API document and its page. */
export async function buildApp(deps: AppDeps) {
  const { logger, metrics, upstreams, routes, silenceTimeoutMs, frontProxies = [], webRoot, demoSignIn = false } = deps;
  const { resolve = resolveAll } = deps;
  const app = await buildHttp({
    service: 'edge',
    description: 'The one front door.',
    logger,
    metrics,
    ready: Object.fromEntries(UPSTREAMS.map((name) => [name, () => expectReady(upstreams[name])])),
    internalRoutes: false,
    trustCallerIds: false,
    server: { shouldUpgradeCallback: isSocketUpgrade },
  });
  boundConnections(app, silenceTimeoutMs);
  const findOrigin = originFinder(frontProxies);
  addSecurityHeaders(app.server, findOrigin);

  const readDocument = apiDocuments({ upstreams, logger });
  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) =>
    reply.type('application/json; charset=utf-8').send(await readDocument()),
  );
  await docsPage(app);
  if (webRoot) webApp(app, { root: webRoot, demoSignIn });
  else app.get('/', { schema: { hide: true } }, async (_request, reply) => reply.redirect('/docs'));
  for (const route of routes) {
    await proxyRoute(app, route, { upstream: upstreams[route.upstream], findOrigin, resolve });
  }

  const tunnels = tunnelSockets(app.server, { upstream: upstreams.notifier, findOrigin, logger, metrics, resolve });
  app.addHook('preClose', async () => {
    tunnels.close();
    setTimeout(() => app.server.closeAllConnections(), STOP_GRACE_MS).unref();
  });
  return app;
}

async function expectReady(upstream: URL): Promise<void> {
  const response = await fetch(new URL('/health/ready', upstream), { signal: AbortSignal.timeout(READY_TIMEOUT_MS) });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`it answered ${response.status}`);
}
