import type { IncomingMessage } from 'node:http';
import type { PushSocket } from './push.ts';

/*
 * Connections that have shown no token yet cost their client next to nothing, so one address may hold few of them.
 *
 *   a connection:  counted -> admitted, or closed: counted no longer
 */

/** Connections of one address, or one IPv6 network, that wait to be admitted at the same time. */
export const MAX_UNADMITTED_PER_ADDRESS = 100;

type Connection = PushSocket['conn'];

export interface Unadmitted {
  /** May one more come from where this request does? */
  hasRoomFor(request: IncomingMessage): boolean;
  count(connection: Connection): void;
  admitted(connection: Connection): void;
}

/** @param addressOf whom a request counts for */
export function countUnadmitted(addressOf: (request: IncomingMessage) => string): Unadmitted {
  const counts = new Map<string, number>();
  const waiting = new Map<Connection, string>();

  function leave(connection: Connection): void {
    const address = waiting.get(connection);
    if (address === undefined) return;
    waiting.delete(connection);
    const left = (counts.get(address) ?? 1) - 1;
    if (left > 0) counts.set(address, left);
    else counts.delete(address);
  }

  return {
    hasRoomFor: (request) => (counts.get(addressOf(request)) ?? 0) < MAX_UNADMITTED_PER_ADDRESS,
    count(connection) {
      const address = addressOf(connection.request);
      waiting.set(connection, address);
      counts.set(address, (counts.get(address) ?? 0) + 1);
      connection.once('close', () => leave(connection));
    },
    admitted: leave,
  };
}
