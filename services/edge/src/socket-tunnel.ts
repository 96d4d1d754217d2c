import { randomUUID } from 'node:crypto';
import http, { type IncomingMessage, type Server } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { problemBody } from '@evergreen/service-kit/problem.ts';
import { addressOf, lineOf } from '@evergreen/service-kit/rate-limit.ts';
import type { FastifyBaseLogger } from 'fastify';
import { Gauge, type Registry } from 'prom-client';
import type { FindOrigin } from './client-origin.ts';
import { headersForService } from './headers.ts';
import { type Bounds, openRoom } from './places.ts';
import { anyReplica, type Resolve, replicaOf } from './replicas.ts';

/*
 * A WebSocket through the edge is two connections joined byte by byte: back-pressure, close codes and everything else
 * of the protocol are between the client and the notifier.
 *
 *   asked -> joined -> closed        both ends close together, whichever goes first
 *         -> refused                 the notifier said no (its answer is passed on) or is away (503)
 *
 * Every socket here has an error listener from its first moment: without one, a reset connection ends the process. And none
 * outlives what was said last on it: a client that never closes its side would otherwise keep its connection for ever.
 */

/** The one path of socket.io; an upgrade of anything else is an ordinary request. */
const SOCKET_PATH = '/socket.io/';
const TUNNELS: Bounds = { max: 10_000, share: 1_000 };
const ANSWER_TIMEOUT_MS = 5_000;
/** From the question to the end of a refusal, for clients that do not read it. */
const UNJOINED_TIMEOUT_MS = 10_000;
/** Both sides ping well within this (socket.io: every 25 s), so a longer silence is a dead peer. */
const SILENCE_TIMEOUT_MS = 90_000;

/**
 * For Node's `shouldUpgradeCallback`: which requests become tunnels. One with a body does not: no WebSocket begins so, and
 * Node would hand over something that is no socket.
 */
export const isSocketUpgrade = ({ method, url = '', headers }: IncomingMessage): boolean =>
  method === 'GET' &&
  url.split('?', 1)[0] === SOCKET_PATH &&
  headers.upgrade?.toLowerCase() === 'websocket' &&
  headers['content-length'] === undefined &&
  headers['transfer-encoding'] === undefined;

export interface Tunnels {
  /** Closes all of them, so that the server can close; clients connect again. */
  close(): void;
}

interface TunnelOptions {
  upstream: URL;
  findOrigin: FindOrigin;
  logger: FastifyBaseLogger;
  metrics: Registry;
  resolve: Resolve;
}

/** Joins the WebSocket upgrades that reach `server` with the notifier. */
export function tunnelSockets(server: Server, options: TunnelOptions): Tunnels {
  const { findOrigin, metrics } = options;
  const open = openRoom<Duplex>(TUNNELS);
  new Gauge({
    name: 'evergreen_edge_tunnels',
    help: 'Open WebSockets through the edge',
    registers: [metrics],
    collect() {
      this.set([...open.all()].length);
    },
  });
  server.on('upgrade', (request: IncomingMessage, client: Socket, head: Buffer) => {
    client.on('error', () => client.destroy());
    client.once('finish', () => client.destroy());
    client.setTimeout(UNJOINED_TIMEOUT_MS, () => client.destroy());
    if (!open.enter(client, lineOf(addressOf({ ip: findOrigin(request).address })))) return refuse(client);
    client.once('close', () => open.leave(client));
    void joinWithNotifier(request, client, head, options);
  });
  return {
    close: () => {
      for (const client of open.all()) client.destroy();
    },
  };
}

/** Whether it goes on with a session that long polls began, with a replica that alone knows it. */
const hasSession = (url = ''): boolean => new URLSearchParams(url.split('?')[1]).has('sid');

async function joinWithNotifier(
  request: IncomingMessage,
  client: Socket,
  head: Buffer,
  { upstream, findOrigin, logger, resolve }: TunnelOptions,
): Promise<void> {
  const requestId = randomUUID();
  const clientOrigin = findOrigin(request);
  const forwarded = headersForService(request.headers, { upstream: 'notifier', requestId, ...clientOrigin });
  const origin = hasSession(request.url) ? await replicaOf(upstream, clientOrigin.address, resolve) : upstream.origin;
  if (client.destroyed) return;
  const { request: send } = upstream.protocol === 'https:' ? https : http;
  const asking = send(new URL(request.url ?? SOCKET_PATH, origin), {
    headers: { ...forwarded, host: upstream.host, connection: 'Upgrade', upgrade: 'websocket' },
    agent: false,
    lookup: anyReplica(resolve),
    timeout: ANSWER_TIMEOUT_MS,
  });
  client.once('close', () => asking.destroy());
  asking.on('timeout', () => asking.destroy(new Error('the notifier gave no answer')));
  asking.on('error', (err) => {
    if (client.destroyed) return;
    logger.warn({ err, requestId }, 'no WebSocket to the notifier');
    refuse(client);
  });
  asking.on('response', (answer) => {
    answer.on('error', () => client.destroy());
    client.write(headOf(answer, { connection: 'close' }));
    answer.pipe(client);
  });
  asking.on('upgrade', (answer, notifier, notifierHead) => {
    client.write(headOf(answer, { connection: 'Upgrade', upgrade: 'websocket' }));
    join(client, notifier, head, notifierHead);
  });
  asking.end();
}

function join(client: Socket, notifier: Socket, clientHead: Buffer, notifierHead: Buffer): void {
  for (const [one, other] of [
    [client, notifier],
    [notifier, client],
  ] as const) {
    one.on('error', () => one.destroy());
    one.once('close', () => other.destroy());
    one.setTimeout(SILENCE_TIMEOUT_MS, () => one.destroy());
    one.setNoDelay(true);
  }
  // Bytes that came right behind the handshake.
  client.write(notifierHead);
  notifier.write(clientHead);
  client.pipe(notifier).pipe(client);
}

/** The first lines of an answer, as the service gave them, with the headers that are about this connection replaced. */
function headOf(answer: IncomingMessage, connection: Record<string, string>): string {
  const lines = [`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}`];
  const isBody = answer.statusCode !== 101;
  const replaced = new Set(['connection', 'upgrade', 'keep-alive', ...(isBody ? ['transfer-encoding'] : [])]);
  for (let index = 0; index < answer.rawHeaders.length; index += 2) {
    const name = answer.rawHeaders[index] ?? '';
    if (!replaced.has(name.toLowerCase())) lines.push(`${name}: ${answer.rawHeaders[index + 1]}`);
  }
  for (const [name, value] of Object.entries(connection)) lines.push(`${name}: ${value}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function refuse(client: Duplex): void {
  const body = JSON.stringify(problemBody('service_unavailable'));
  client.end(
    `HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nRetry-After: 2\r\nConnection: close\r\n\r\n${body}`,
  );
}
