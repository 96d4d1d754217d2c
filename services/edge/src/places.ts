import type { FastifyRequest } from 'fastify';

/*
 * A service that hangs must not fill the edge's memory with requests that wait for it, and a client that reads slowly must not
 * keep others from an answer. So each request takes a place of its route, until the service is done with it, whatever became of
 * the client; a stream has a place of another kind. Nobody has more than a share of either, wherever the requests come from.
 *
 *   none -> in flight -> none
 *                     -> streaming -> none
 */

export interface Bounds {
  max: number;
  /** For one address. */
  share: number;
}

export interface Places {
  /** Answers whether there was a place for the request. */
  enter(request: FastifyRequest, address: string): boolean;
  /** Turns a place in flight into one of a stream; answers whether there was one. The first is given up in any case. */
  becomeStream(request: FastifyRequest): boolean;
  /** Again it changes nothing. */
  leave(request: FastifyRequest): void;
}

export function openPlaces({ inFlight, streams }: { inFlight: Bounds; streams: Bounds }): Places {
  const [flying, streaming] = [openRoom<FastifyRequest>(inFlight), openRoom<FastifyRequest>(streams)];
  return {
    enter: (request, address) => flying.enter(request, address),
    becomeStream(request) {
      const address = flying.leave(request);
      return address !== undefined && streaming.enter(request, address);
    },
    leave(request) {
      flying.leave(request);
      streaming.leave(request);
    },
  };
}

/** Room for so many of whatever it is, and for one address a share of that. */
export function openRoom<T extends object>({ max, share }: Bounds) {
  const addressOf = new Map<T, string>();
  const taken = new Map<string, number>();
  return {
    all: () => addressOf.keys(),
    /** Answers whether there was a place. */
    enter(one: T, address: string): boolean {
      const own = taken.get(address) ?? 0;
      if (addressOf.size >= max || own >= share) return false;
      addressOf.set(one, address);
      taken.set(address, own + 1);
      return true;
    },
    /** Answers with the address that had the place, if it had one. */
    leave(one: T): string | undefined {
      const address = addressOf.get(one);
      if (address === undefined) return undefined;
      addressOf.delete(one);
      const left = (taken.get(address) ?? 1) - 1;
      if (left > 0) taken.set(address, left);
      else taken.delete(address);
      return address;
    },
  };
}
