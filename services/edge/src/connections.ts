import type { Socket } from 'node:net';
import type { HttpApp } from '@evergreen/service-kit/http.ts';

/** Requests one connection may have under way. Browsers and proxies send one and wait for its answer. */
const MAX_UNFINISHED = 4;
const SILENCE_TIMEOUT_MS = 30_000;

/**
 * Bounds what one connection can hold of the edge, for clients that ask and do not read. Whoever sends more requests at once
 * than allowed is cut off, and so is a connection on which nothing moves for `silenceTimeoutMs` (ms) while an answer waits
 * to be read or nothing is under way. One that waits for its service, such as a long poll, stays.
 */
export function boundConnections(app: HttpApp, silenceTimeoutMs = SILENCE_TIMEOUT_MS): void {
  const unfinished = new WeakMap<Socket, number>();
  const count = (socket: Socket): number => unfinished.get(socket) ?? 0;

  app.addHook('onRequest', (request, reply, done) => {
    const { socket } = request.raw;
    if (count(socket) >= MAX_UNFINISHED) {
      reply.hijack();
      socket.destroy();
      return;
    }
    unfinished.set(socket, count(socket) + 1);
    // It closes when the network has taken its last byte, so an answer that nobody reads goes on counting.
    reply.raw.once('close', () => unfinished.set(socket, count(socket) - 1));
    done();
  });
  app.server.setTimeout(silenceTimeoutMs, (socket) => {
    if (socket.writableLength > 0 || count(socket) === 0) socket.destroy();
  });
}
