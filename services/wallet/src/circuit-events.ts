import type { Envelope } from '@evergreen/contracts/envelope.ts';
import {
  GatewayCircuitClosed,
  GatewayCircuitHalfOpened,
  GatewayCircuitOpened,
} from '@evergreen/contracts/events/wallet.ts';
import { type Clock, iso } from '@evergreen/service-kit/clock.ts';
import { newEvent } from '@evergreen/service-kit/events.ts';
import { appendToOutbox } from '@evergreen/service-kit/outbox.ts';
import type { FastifyBaseLogger } from 'fastify';
import type pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import type { CircuitChange } from './breaker.ts';

/**
 * Tells of this process' breaker through the outbox, in order. All events of one outage, from open to closed, share a
 * correlation id. What cannot be written is logged and left out: the breaker itself does not depend on it.
 * @param replica names this process among the wallets
 */
export function circuitEvents(deps: {
  pool: pg.Pool;
  clock: Clock;
  wakeOutbox: () => void;
  logger: FastifyBaseLogger;
  replica: string;
}): (change: CircuitChange) => void {
  let outageId = uuidv7();
  // One after the other, so that they keep their order. While the database is away no call begins, so few can wait here.
  let written: Promise<void> = Promise.resolve();

  const write = async (change: CircuitChange, correlationId: string): Promise<void> => {
    try {
      const at = iso(await deps.clock.now());
      await appendToOutbox(deps.pool, [eventOf(change, deps.replica, at, correlationId)]);
      deps.wakeOutbox();
    } catch (err) {
      deps.logger.error({ err, change }, 'change of the breaker not told');
    }
  };

  return (change) => {
    const correlationId = outageId;
    written = written.then(() => write(change, correlationId));
    if (change.to === 'closed') outageId = uuidv7();
  };
}

function eventOf({ to, calls, failures }: CircuitChange, replica: string, at: string, correlationId: string): Envelope {
  const about = { subject: replica, time: at, correlationId };
  switch (to) {
    case 'open':
      return newEvent(GatewayCircuitOpened, { ...about, data: { replica, at, failures, calls } });
    case 'half_open':
      return newEvent(GatewayCircuitHalfOpened, { ...about, data: { replica, at } });
    case 'closed':
      return newEvent(GatewayCircuitClosed, { ...about, data: { replica, at } });
  }
}
