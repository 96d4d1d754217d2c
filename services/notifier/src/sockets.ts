import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type { VerifyToken } from '@evergreen/service-kit/auth.ts';
import { invalidField, Problem, problemBody } from '@evergreen/service-kit/problem.ts';
import type { FastifyBaseLogger } from 'fastify';
import { Gauge, type Registry } from 'prom-client';
import { Server } from 'socket.io';
import { countConnections } from './connection-counts.ts';
import type { PushServer, PushSocket } from './push.ts';

/*
 * Who may hold a socket, and for how long.
 *
 *   a connection:  refused (origin, too many, too many of its address) | connected -> refused (token) | admitted -> closed when the token expires
 *
 * A connection is closed with its socket. It would stay open otherwise, uncounted and without an end, when its client
 * leaves the namespace. One that is never admitted is closed by socket.io after HANDSHAKE_TIMEOUT_MS.
 *
 * Clients have little to say, so the largest packet they may send is the handshake with its token.
 */

export const MAX_SOCKETS_PER_USER = 20;
const MAX_CONNECTIONS = 10_000;
const MAX_PACKET_BYTES = 16_384;
/** How long a connection may stay without having been admitted. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;
const CLOSE_TIMEOUT_MS = 1_000;
/** A longer timer would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export interface SocketOptions {
  /** The HTTP server that also serves REST. */
  server: HttpServer;
  verifyToken: VerifyToken;
  /** Web pages that may connect. Programs send no Origin header, and need none. */
  allowedOrigins: ReadonlySet<string>;
  /** Where a request comes from, as limits count it. */
  addressOf: (request: IncomingMessage) => string;
  logger: FastifyBaseLogger;
  metrics: Registry;
}

export interface Sockets {
  io: PushServer;
  /** Calls back for every socket that was admitted, with the last notification its client says it saw. */
  onAdmitted(welcome: (socket: PushSocket, lastNotificationId: string | undefined) => void): void;
  /** Closes all connections, within about 1 s, in a way that makes clients come back: to another replica, or later. */
  close(): Promise<void>;
}

/** Serves socket.io at /socket.io. */
export function openSockets(options: SocketOptions): Sockets {
  const { server, verifyToken, allowedOrigins, logger, metrics } = options;
  const connections = countConnections(options.addressOf);
  let closing = false;
  const io: PushServer = new Server({
    path: '/socket.io',
    serveClient: false,
    maxHttpBufferSize: MAX_PACKET_BYTES,
    connectTimeout: HANDSHAKE_TIMEOUT_MS,
    cors: { origin: [...allowedOrigins] },
    allowRequest(request: IncomingMessage, answer) {
      const { origin } = request.headers;
      if (origin !== undefined && !allowedOrigins.has(origin)) {
        logger.warn({ origin: loggedOrigin(origin) }, 'socket refused: foreign origin');
        answer('this origin may not connect', false);
      } else if (closing || io.engine.clientsCount >= MAX_CONNECTIONS) {
        answer('no room for more connections', false);
      } else if (!connections.hasRoomFor(request)) {
        answer('too many connections from this address', false);
      } else {
        answer(null, true);
      }
    },
  });
  const upgraded = trackUpgrades(server);
  io.attach(server);
  io.engine.on('connection', connections.opened);
  io.use((socket, next) => {
    admit(io, socket, verifyToken).then(
      () => next(),
      (error: unknown) => next(refusal(error, logger)),
    );
  });
  showCount(io, metrics);

  return {
    io,
    onAdmitted(welcome) {
      io.on('connection', (socket) => {
        connections.admitted(socket.conn);
        closeOnExpiry(socket);
        closeWithSocket(socket);
        welcome(socket, socket.handshake.auth.lastNotificationId);
      });
    },
    async close() {
      closing = true;
      io.engine.close();
      const givenUpAt = performance.now() + CLOSE_TIMEOUT_MS;
      while (upgraded.size > 0 && performance.now() < givenUpAt) await pause(20);
      // A client that is gone does not say goodbye, and must not hold up the HTTP server.
      for (const stream of upgraded) stream.destroy();
    },
  };
}

/** No more than scheme, host and port: who makes a header up may write anything into it. */
const loggedOrigin = (origin: string): string =>
  URL.canParse(origin) ? new URL(origin).origin.slice(0, 200) : 'unreadable';

/** Lets a socket into the room of its user, whom the token alone names. */
async function admit(io: PushServer, socket: PushSocket, verifyToken: VerifyToken): Promise<void> {
  const { token, lastNotificationId } = socket.handshake.auth as Record<string, unknown>;
  if (typeof token !== 'string') throw new Problem('unauthenticated', 'Send the access token in auth.token');
  const caller = await verifyToken(token);
  if (lastNotificationId !== undefined && (typeof lastNotificationId !== 'string' || !UUID.test(lastNotificationId))) {
    throw invalidField('auth.lastNotificationId', 'must be the id of a notification');
  }
  // Counting and joining in one go: sockets that come at the same moment cannot pass together.
  if ((io.of('/').adapter.rooms.get(caller.id)?.size ?? 0) >= MAX_SOCKETS_PER_USER) {
    throw new Problem('rate_limited', `One user may hold ${MAX_SOCKETS_PER_USER} connections`);
  }
  socket.data = { caller, version: undefined, wanted: 0, catchingUp: false, missedHints: false };
  await socket.join(caller.id);
}

/** What a refused client gets as `error.data`: the problem it would get over HTTP. */
function refusal(error: unknown, logger: FastifyBaseLogger): Error {
  const problem = error instanceof Problem ? error : new Problem('internal_error');
  if (problem.status < 500) logger.info({ code: problem.code }, 'socket refused');
  else logger.error({ err: error }, 'socket could not be admitted');
  const { errors } = problem.extras;
  const data = problemBody(problem.code, { detail: problem.message, ...(errors && { errors }) });
  return Object.assign(new Error(problem.message), { data });
}

function closeOnExpiry(socket: PushSocket): void {
  const remainingMs = socket.data.caller.expiresAt * 1_000 - Date.now();
  const timer = setTimeout(() => socket.disconnect(true), Math.min(remainingMs, MAX_TIMER_MS));
  timer.unref();
  socket.on('disconnect', () => clearTimeout(timer));
}

function closeWithSocket(socket: PushSocket): void {
  // Who has left takes nothing more, so what is not sent yet does not hold up the end.
  socket.on('disconnect', (reason) => socket.conn.close(reason === 'client namespace disconnect'));
}

function showCount(io: PushServer, metrics: Registry): void {
  new Gauge({
    name: 'evergreen_notifier_sockets',
    help: 'Sockets that were admitted and are open',
    registers: [metrics],
    collect() {
      this.set(io.of('/').sockets.size);
    },
  });
}

function trackUpgrades(server: HttpServer): Set<Duplex> {
  const open = new Set<Duplex>();
  server.on('upgrade', (_request: IncomingMessage, stream: Duplex) => {
    open.add(stream);
    stream.once('close', () => open.delete(stream));
  });
  return open;
}
