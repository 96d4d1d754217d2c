import { adjust } from './crowd.ts';
import { cancelNow, type Person, subscribe, topUp } from './people.ts';

/** Minor units of each top-up. */
export const TOP_UP = 5_000;

export interface Load {
  /** Top-ups that people were told had succeeded: before the back-up began, and after. */
  told: Record<'before' | 'after', Set<string>>;
  /** Top-ups that were answered since the back-up began, settled or not: some of these its moment may not have. */
  answeredSince: Set<string>;
  backUpBegins(): void;
  end(): Promise<void>;
}

/** What people do all the time: money in, another subscription, every third of them given back, and what they were told is kept. */
export function beginLoad(operator: Person, customers: readonly Person[], planIds: readonly string[]): Load {
  let isOver = false;
  let phase: keyof Load['told'] = 'before';
  const told = { before: new Set<string>(), after: new Set<string>() };
  const answeredSince = new Set<string>();
  const pay = async (customer: Person) => {
    while (!isOver) {
      const { status, body } = await topUp(customer, TOP_UP);
      if (status === 201) told[phase].add(body.id);
      if (phase === 'after') answeredSince.add(body.id);
    }
  };
  // It needs no provider, so it goes on while that is away.
  const move = async (customer: Person) => {
    for (let n = 0; !isOver; n++) {
      await adjust(operator, customer, 10);
      const planId = planIds[n];
      if (!planId) continue;
      const { body } = await subscribe(customer, planId);
      // At once, so that some are paid by then, and others while they end.
      if (n % 3 === 2) await cancelNow(customer, body.id);
    }
  };
  const living = Promise.all(customers.flatMap((customer) => [pay(customer), move(customer)]));
  // A failure is reported where it is awaited.
  living.catch(() => undefined);
  return {
    told,
    answeredSince,
    backUpBegins: () => {
      phase = 'after';
    },
    end: async () => {
      isOver = true;
      await living;
    },
  };
}
