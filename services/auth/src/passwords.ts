import { randomBytes } from 'node:crypto';
import { Problem } from '@evergreen/service-kit/problem.ts';
import { hash, verify } from '@node-rs/argon2';

/** Design section 8 and the OWASP password storage cheat sheet: argon2id, which is the library's default algorithm. */
const ARGON2ID = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

export interface Passwords {
  /** The argon2id hash in PHC format. */
  hash(password: string): Promise<string>;
  /** Without a hash (there is no such account) it takes as long as with one, and answers false. */
  matches(password: string, passwordHash: string | undefined): Promise<boolean>;
}

/**
 * Hashing takes 19 MiB and a core for some 30 ms each, so it is the cheapest way to bring a service down. No more than
 * `concurrency` run at once and `queueLimit` wait; whoever comes on top of that is told to come back.
 * @throws Problem service_unavailable from both functions, when the queue is full
 */
export async function openPasswords(limits: { concurrency: number; queueLimit: number }): Promise<Passwords> {
  const inTurn = boundedWork(limits);
  const nobodysHash = await hash(randomBytes(32).toString('base64'), ARGON2ID);
  return {
    hash: (password) => inTurn(() => hash(spelled(password), ARGON2ID)),
    matches: async (password, passwordHash) => {
      const same = await inTurn(() => verify(passwordHash ?? nobodysHash, spelled(password)));
      return same && passwordHash !== undefined;
    },
  };
}

// Keyboards differ in how they write é; the same password must be the same bytes on each (NIST SP 800-63B 5.1.1.2).
const spelled = (password: string): string => password.normalize('NFKC');

function boundedWork({ concurrency, queueLimit }: { concurrency: number; queueLimit: number }) {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (running < concurrency) {
      running++;
    } else {
      if (waiting.length >= queueLimit) {
        throw new Problem('service_unavailable', 'Too many passwords are being checked at this moment', {
          retryAfterSeconds: 1,
        });
      }
      const { promise: myTurn, resolve } = Promise.withResolvers<void>();
      waiting.push(resolve);
      await myTurn;
    }
    try {
      return await work();
    } finally {
      // The place passes on to the next in line, so nobody can slip in between.
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}
