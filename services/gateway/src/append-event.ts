import type { Envelope } from '@evergreen/contracts/envelope.ts';
import { appendToOutbox } from '@evergreen/service-kit/outbox.ts';
import type pg from 'pg';
import { v7 as uuidv7 } from 'uuid';
import type { Outcome } from './decisions/faults.ts';
import { DELAY_EVENT, DUPLICATE_EVENT } from './sql/event-faults.ts';

/** How an event is published: how often, and how long after what it tells of. */
export type EventFaults = Pick<Outcome, 'eventCopies' | 'eventDelayMs'>;

/** Writes an event into the outbox, within the caller's transaction, and has it said twice or late when that is its lot. */
export async function appendEvent(client: pg.ClientBase, event: Envelope, faults: EventFaults): Promise<void> {
  await appendToOutbox(client, [event]);
  if (faults.eventDelayMs > 0) await client.query(DELAY_EVENT, [event.id, faults.eventDelayMs]);
  for (let copy = 2; copy <= faults.eventCopies; copy++) await client.query(DUPLICATE_EVENT, [event.id, uuidv7()]);
}
