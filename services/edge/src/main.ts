import { runService } from '@evergreen/service-kit/process.ts';
import { buildApp } from './app.ts';
import { readEdgeConfig } from './config.ts';
import { serveMetrics } from './metrics-server.ts';
import { ROUTES } from './route-table.ts';

await runService('edge', async ({ logger, metrics, onStop }) => {
  const config = readEdgeConfig();

  if (config.METRICS_PORT !== undefined) {
    const server = await serveMetrics(metrics, { host: config.HOST, port: config.METRICS_PORT });
    onStop('metrics', () => server.close());
  }
  const { upstreams, frontProxies, WEB_ROOT: webRoot, DEMO_SIGN_IN: demoSignIn } = config;
  const app = await buildApp({ logger, metrics, upstreams, frontProxies, webRoot, demoSignIn, routes: ROUTES });
  await app.listen({ host: config.HOST, port: config.PORT });
  onStop('HTTP', () => app.close());
});
