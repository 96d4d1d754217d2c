import { createHash } from 'node:crypto';
import { type LookupAddress, lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { within } from '@evergreen/service-kit/backoff.ts';

/*
 * One name may stand for several replicas of a service, each with an address of its own. A new connection goes to one of them by
 * chance, as those who answer names sort the addresses the same way for everybody, and to the next one where it gets no answer. The
 * requests of one socket.io session are the exception: the replica that opened it alone knows it.
 */

/** Answers with all addresses behind a name. */
export type Resolve = (hostname: string) => Promise<LookupAddress[]>;

/** An answer is as good as new for so long. */
const FRESH_FOR_MS = 1_000;
const LOOKUP_TIMEOUT_MS = 2_000;
/** And where there is no new one, for so long: later the address may be somebody else's. */
const LAST_ANSWER_FOR_MS = 60_000;

const lookUpAll: Resolve = (hostname) => {
  const { promise, resolve, reject } = Promise.withResolvers<LookupAddress[]>();
  lookup(hostname, { all: true }, (error, addresses) => (error ? reject(error) : resolve(addresses)));
  return promise;
};

interface Known {
  addresses: LookupAddress[];
  at: number;
}

/**
 * Asks for each name once at a time, whoever wants to know, and at most once a second. A question without an answer after 2 s, or with
 * an error, is answered with what was known last, up to a minute old. One that hangs is not asked again meanwhile, as each takes a
 * thread. The names are those of the configuration, so there are few.
 */
export function rememberAnswers(resolve: Resolve): Resolve {
  const known = new Map<string, Known>();
  const asking = new Map<string, Promise<LookupAddress[]>>();

  function ask(hostname: string): Promise<LookupAddress[]> {
    const answer = resolve(hostname);
    const keep = answer.then(
      (addresses) => void known.set(hostname, { addresses, at: performance.now() }),
      () => undefined,
    );
    void keep.finally(() => asking.delete(hostname));
    return within(LOOKUP_TIMEOUT_MS, answer);
  }

  return async (hostname) => {
    const last = known.get(hostname);
    const ageMs = last ? performance.now() - last.at : Number.POSITIVE_INFINITY;
    if (last && ageMs < FRESH_FOR_MS) return last.addresses;
    const asked = asking.get(hostname) ?? ask(hostname);
    asking.set(hostname, asked);
    return asked.catch((error) => {
      if (last && ageMs < LAST_ANSWER_FOR_MS) return last.addresses;
      throw error;
    });
  };
}

export const resolveAll = rememberAnswers(lookUpAll);

/** How a connection finds a replica, for Node's `net.connect`, which tries one address after the other. */
export function anyReplica(resolve: Resolve): LookupFunction {
  return (hostname, { all }, callback) => {
    resolve(hostname).then(
      (addresses) => {
        const inAnyOrder = shuffle(addresses);
        if (all) callback(null, inAnyOrder);
        else callback(null, inAnyOrder[0]?.address ?? '', inAnyOrder[0]?.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, ''),
    );
  };
}

/**
 * The origin of the replica to which all requests of one client go, for as long as replicas neither come nor go (rendezvous hashing:
 * even then most clients stay where they are). Where a name has one address or none, it is `upstream` itself.
 */
export async function replicaOf(upstream: URL, client: string, resolve: Resolve): Promise<string> {
  if (isIP(upstream.hostname.replace(/^\[(.*)\]$/, '$1')) !== 0) return upstream.origin;
  const found = await resolve(upstream.hostname).catch(() => []);
  // Most names with an address of each family have both for one process.
  const ipv4 = found.filter(({ family }) => family === 4);
  const candidates = (ipv4.length > 0 ? ipv4 : found).map(({ address, family }) => ({
    host: family === 6 ? `[${address}]` : address,
    weight: createHash('sha256').update(`${address} ${client}`).digest('hex'),
  }));
  if (candidates.length < 2) return upstream.origin;
  const { host } = candidates.reduce((best, one) => (one.weight > best.weight ? one : best));
  return `${upstream.protocol}//${host}${upstream.port && `:${upstream.port}`}`;
}

/** Fisher and Yates'. */
function shuffle<T>(list: readonly T[]): T[] {
  const shuffled = [...list];
  for (let last = shuffled.length - 1; last > 0; last--) {
    const chosen = Math.floor(Math.random() * (last + 1));
    [shuffled[last], shuffled[chosen]] = [shuffled[chosen] as T, shuffled[last] as T];
  }
  return shuffled;
}
