import { randomBytes } from 'node:crypto';
import { Problem } from '@evergreen/service-kit/problem.ts';
import { lineOf } from '@evergreen/service-kit/rate-limit.ts';
import { hash, verify } from '@node-rs/argon2';
import { spelled } from './decisions/sign-up.ts';

/** docs/adr/0007 and the OWASP password storage cheat sheet: argon2id, which is the library's default algorithm. */
const ARGON2ID = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

export interface HashingLimits {
  concurrency: number;
  queueLimit: number;
  perAddress: number;
}

/** All take the `address` it is done for, as limits count it. */
export interface Passwords {
  /** The argon2id hash in PHC format. */
  hash(password: string, address: string): Promise<string>;
  /** Without a hash (there is no such account) it takes as long as with one, and answers false. */
  matches(password: string, passwordHash: string | undefined, address: string): Promise<boolean>;
}

/**
 * Hashing takes 19 MiB and a core for some 30 ms each, so it is the cheapest way to bring a service down. No more than
 * `concurrency` run at once and `queueLimit` wait; whoever comes on top of that is told to come back. No address has more than
 * `perAddress` of those places, so that one alone does not take them all.
 * @throws Problem service_unavailable from both functions, when there is no place
 */
export async function openPasswords(limits: HashingLimits): Promise<Passwords> {
  const inTurn = boundedWork(limits);
  const nobodysHash = await hash(randomBytes(32).toString('base64'), ARGON2ID);
  return {
    hash: (password, address) => inTurn(address, () => hash(spelled(password), ARGON2ID)),
    matches: async (password, passwordHash, address) => {
      const same = await inTurn(address, () => verify(passwordHash ?? nobodysHash, spelled(password)));
      return same && passwordHash !== undefined;
    },
  };
}

function boundedWork({ concurrency, queueLimit, perAddress }: HashingLimits) {
  const waiting: (() => void)[] = [];
  const places = new Map<string, number>();
  let running = 0;
  return async <T>(address: string, work: () => Promise<T>): Promise<T> => {
    const line = lineOf(address);
    const taken = places.get(line) ?? 0;
    const isFull = running >= concurrency && waiting.length >= queueLimit;
    if (isFull || taken >= perAddress) {
      const detail = 'Too many passwords are being checked at this moment';
      throw new Problem('service_unavailable', detail, { retryAfterSeconds: 1 });
    }
    places.set(line, taken + 1);
    if (running < concurrency) {
      running++;
    } else {
      const { promise: myTurn, resolve } = Promise.withResolvers<void>();
      waiting.push(resolve);
      await myTurn;
    }
    try {
      return await work();
    } finally {
      const left = (places.get(line) ?? 1) - 1;
      if (left > 0) places.set(line, left);
      else places.delete(line);
      // The place passes on to the next in line, so nobody can slip in between.
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}
