import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { Registry } from 'prom-client';

/** GET /metrics on a port of its own, which is not for the public. */
export async function serveMetrics(metrics: Registry, listen: { host: string; port: number }): Promise<Server> {
  const server = createServer(async (request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    response.setHeader('content-type', metrics.contentType);
    response.end(await metrics.metrics());
  });
  server.listen(listen);
  await once(server, 'listening');
  return server;
}
