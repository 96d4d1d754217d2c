import type { IncomingMessage } from 'node:http';
import { lineOf } from '@evergreen/service-kit/rate-limit.ts';
import type { PushSocket } from './push.ts';

/*
 * Connections that have shown no token yet cost their client next to nothing, so one address may hold few of them; and nobody may
 * hold more than a share of all there is room for.
 *
 *   a connection:  waiting, counted for its address and its line -> admitted, counted for its line -> closed: counted no longer
 */

/** Connections of one address, or one IPv6 network of 64 bits, that wait to be admitted at the same time. */
export const MAX_UNADMITTED_PER_ADDRESS = 100;
/** Connections of one address, or of the 48 bits of IPv6 round it that a single line may have, admitted or not. */
export const MAX_CONNECTIONS_PER_LINE = 1_000;

type Connection = PushSocket['conn'];

export interface ConnectionCounts {
  /** May one more come from where this request does? */
  hasRoomFor(request: IncomingMessage): boolean;
  opened(connection: Connection): void;
  admitted(connection: Connection): void;
}

/** @param addressOf whom a request counts for */
export function countConnections(addressOf: (request: IncomingMessage) => string): ConnectionCounts {
  const waiting = tally();
  const open = tally();
  return {
    hasRoomFor(request) {
      const address = addressOf(request);
      return waiting.of(address) < MAX_UNADMITTED_PER_ADDRESS && open.of(lineOf(address)) < MAX_CONNECTIONS_PER_LINE;
    },
    opened(connection) {
      const address = addressOf(connection.request);
      waiting.add(connection, address);
      open.add(connection, lineOf(address));
      connection.once('close', () => {
        waiting.remove(connection);
        open.remove(connection);
      });
    },
    admitted: (connection) => waiting.remove(connection),
  };
}

function tally() {
  const keys = new Map<Connection, string>();
  const counts = new Map<string, number>();
  return {
    of: (key: string): number => counts.get(key) ?? 0,
    add(connection: Connection, key: string): void {
      keys.set(connection, key);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    },
    remove(connection: Connection): void {
      const key = keys.get(connection);
      if (key === undefined) return;
      keys.delete(connection);
      const left = (counts.get(key) ?? 1) - 1;
      if (left > 0) counts.set(key, left);
      else counts.delete(key);
    },
  };
}
