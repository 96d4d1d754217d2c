import { createServer, type IncomingHttpHeaders, type IncomingMessage, request, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { buildHttp, type HttpApp } from '@evergreen/service-kit/http.ts';
import { awaitCondition } from '@evergreen/stack/await-condition.ts';
import { keepLogLine } from '@evergreen/stack/testing.ts';
import pino from 'pino';
import { Registry } from 'prom-client';
import { buildApp } from '../src/app.ts';
import { ROUTES, UPSTREAMS, type Upstream } from '../src/route-table.ts';

const ANSWER_TIMEOUT_MS = 10_000;
/** The table as it is, with a patience that fits a test. */
export const SHORT_TIMEOUT_MS = 400;
export const SHORT_SILENCE_MS = 4_000;
export const FEW_IN_FLIGHT = 8;
export const FEW_STREAMS = 3;
const IMPATIENCE = {
  timeoutMs: SHORT_TIMEOUT_MS,
  maxSilenceMs: SHORT_SILENCE_MS,
  inFlight: { max: FEW_IN_FLIGHT, share: FEW_IN_FLIGHT },
  streams: { max: FEW_STREAMS, share: FEW_STREAMS },
};
const IMPATIENT_ROUTES = ROUTES.map((route) => (route.upstream === 'gateway' ? { ...route, ...IMPATIENCE } : route));
/** Nothing listens there: no program may without being root. */
const CLOSED = new URL('http://127.0.0.1:1');

export interface Edge {
  app: Awaited<ReturnType<typeof buildApp>>;
  port: number;
  logLines: string[];
  ask(path: string, options?: AskOptions): Promise<Answer>;
  close(): Promise<void>;
}

export interface AskOptions {
  method?: string;
  headers?: Record<string, string | string[]>;
  body?: string | Buffer;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came.
  json: () => any;
}

/** An edge before the given services; the others are down. */
export async function openEdge(
  upstreams: Partial<Record<Upstream, URL>>,
  settings: Pick<
    Parameters<typeof buildApp>[0],
    'silenceTimeoutMs' | 'frontProxies' | 'webRoot' | 'demoSignIn' | 'resolve'
  > = {},
): Promise<Edge> {
  const logLines: string[] = [];
  const app = await buildApp({
    logger: pino(
      { level: 'debug' },
      {
        write: (line: string) => {
          keepLogLine('edge', line);
          logLines.push(line);
        },
      },
    ),
    metrics: new Registry(),
    upstreams: Object.fromEntries(UPSTREAMS.map((name) => [name, upstreams[name] ?? CLOSED])) as Record<Upstream, URL>,
    routes: IMPATIENT_ROUTES,
    ...settings,
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  return { app, port, logLines, ask: (path, options) => askPort(port, path, options), close: async () => app.close() };
}

/** Sends a path as it is: `fetch` would tidy it up. */
function askPort(port: number, path: string, { method = 'GET', headers = {}, body }: AskOptions = {}): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  const asking = request({ host: '127.0.0.1', port, path, method, headers, agent: false, signal }, (response) => {
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      text += chunk;
    });
    response.on('error', reject);
    response.on('end', () =>
      resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json: () => JSON.parse(text) }),
    );
  });
  asking.on('error', reject);
  asking.end(body);
  return promise;
}

export interface KitService {
  app: HttpApp;
  url: URL;
}

/** A service of the kit with routes of the test's own. */
export async function startKitService(addRoutes: (app: HttpApp) => void = () => undefined): Promise<KitService> {
  const logger = pino({ level: 'silent' });
  const app = await buildHttp({ service: 'test', description: '', logger, metrics: new Registry() });
  addRoutes(app);
  await app.listen({ host: '127.0.0.1', port: 0 });
  return { app, url: urlOf(app.server) };
}

export interface RawService {
  server: Server;
  url: URL;
  /** Ends it as `kill -9` would: all connections reset. */
  kill(): Promise<void>;
}

/** A server that says exactly what a test wants, or breaks off. */
export async function startRawService(
  onConnection: (socket: Socket, request: IncomingMessage) => void,
  port = 0,
): Promise<RawService> {
  const sockets = new Set<Socket>();
  const server = createServer((incoming, response) => {
    response.detachSocket(incoming.socket);
    onConnection(incoming.socket, incoming);
  });
  server.on('upgrade', (incoming: IncomingMessage, socket: Socket) => onConnection(socket, incoming));
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    server,
    url: urlOf(server),
    kill: () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.resetAndDestroy();
      return closed;
    },
  };
}

/** Connections that a server has open. */
export function connectionCount(server: Server): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  server.getConnections((_error, count) => resolve(count));
  return promise;
}

export interface RawClient {
  socket: Socket;
  /** All that came so far. */
  received(): Buffer;
  /** The edge has said its last, or cut the connection. */
  closed: Promise<void>;
}

/** A connection on which a test speaks for itself. It closes its side when it is destroyed, and not before. */
export function rawClient(port: number): RawClient {
  const chunks: Buffer[] = [];
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => socket.destroy());
  socket.on('end', resolve).on('close', resolve);
  return { socket, received: () => Buffer.concat(chunks), closed };
}

function urlOf(server: { address(): unknown }): URL {
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

/** Polls until `holds` is true. A probe that throws has not happened yet. */
export const until = (what: string, holds: () => Promise<boolean> | boolean, timeoutMs = 10_000): Promise<true> =>
  awaitCondition(async () => ((await holds()) ? true : undefined), { what, timeoutMs, intervalMs: 20 });
