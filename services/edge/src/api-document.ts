import type { FastifyBaseLogger } from 'fastify';
import { assemble, type Paths } from './assemble.ts';
import type { Upstreams } from './config.ts';
import { UPSTREAMS, type Upstream } from './route-table.ts';

const MAX_AGE_MS = 5_000;
const FETCH_TIMEOUT_MS = 2_000;

interface Options {
  upstreams: Upstreams;
  logger: FastifyBaseLogger;
  maxAgeMs?: number;
}

/**
 * Gives the document of the whole API as JSON, put together from the services' own, at most `maxAgeMs` old. The part of a
 * service that is down stays as it was last seen. All answers share one buffer: it is large, and anybody may ask.
 */
export function apiDocuments({ upstreams, logger, maxAgeMs = MAX_AGE_MS }: Options) {
  const parts = new Map<Upstream, Paths>();
  let readAtMs = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;
  let text = Buffer.alloc(0);

  async function readPart(upstream: Upstream): Promise<void> {
    try {
      parts.set(upstream, await fetchPaths(upstreams[upstream]));
    } catch (err) {
      logger.warn({ err, upstream }, 'a service gave no API document');
    }
  }

  async function readAll(): Promise<void> {
    await Promise.all(UPSTREAMS.map(readPart));
    text = Buffer.from(JSON.stringify(assemble(parts)));
    readAtMs = performance.now();
  }

  return async (): Promise<Buffer> => {
    if (performance.now() - readAtMs > maxAgeMs) {
      reading ??= readAll().finally(() => {
        reading = undefined;
      });
      await reading;
    }
    return text;
  };
}

async function fetchPaths(upstream: URL): Promise<Paths> {
  const response = await fetch(new URL('/openapi.json', upstream), { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
  if (!response.ok) throw new Error(`it answered ${response.status}`);
  return ((await response.json()) as { paths?: Paths }).paths ?? {};
}
