import type { Envelope, EventDefinition, EventOf } from '@evergreen/contracts/envelope.ts';
import type { ConsumeMessage } from 'amqplib';
import type { Logger } from 'pino';
import { fullJitterMs, rest } from './backoff.ts';
import { afterFailure, type DeadReason, publishedKey, toDead } from './dead-letter.ts';
import { readEvent } from './events.ts';
import type { Outgoing, Publisher } from './publisher.ts';
import { inMessageSpans } from './tracing.ts';
import { transience } from './transience.ts';

/*
 * What becomes of one batch of messages.
 *
 *   a message:  unreadable                                    -> dead
 *               readable -> its run worked                    -> handled
 *                        -> its run failed -> alone, worked   -> handled
 *                                          -> alone, failed   -> retried, or dead after the last attempt
 *
 * A run is a row of neighbours with one handler; it is one call. While the database is away nothing fails: the run is
 * tried again where it stands. The batch is settled once the broker has confirmed what goes to other queues.
 */

const BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5_000;
const CONTENDED_BACKOFF_MS = 10;
const MAX_CONTENDED_BACKOFF_MS = 500;
const MAX_CONTENDED_TRIES = 10;

export type Outcome = 'handled' | 'retried' | 'dead';

export interface HandlerContext {
  /** The queue the events came from, and the name of the consumer in the inbox. */
  queue: string;
  logger: Logger;
}

/**
 * Handles events, in the order they came, all or none: when it throws, nothing of it may have happened. It has to bound
 * its own waits. Events may come again; the inbox row that commits with the effect is what makes the effect happen once.
 */
export type Handle<Event> = (events: Event[], context: HandlerContext) => Promise<void>;

export interface EventHandler {
  readonly definition: EventDefinition;
  readonly handle: Handle<never>;
}

/** Says who handles an event. Definitions that share one handler function share its calls. */
export const on = <D extends EventDefinition>(definition: D, handle: Handle<EventOf<D>>): EventHandler => ({
  definition,
  handle: handle as Handle<never>,
});

/** The channel is gone or the service stops: whatever is not settled stays with the broker. */
export class Abandoned extends Error {}

export interface BatchContext extends HandlerContext {
  handlers: ReadonlyMap<string, Handle<Envelope>>;
  send: Publisher['send'];
  /** Aborts waiting, not handling. */
  signal: AbortSignal;
}

interface Delivery {
  message: ConsumeMessage;
  event: Envelope;
  /** Copies of the same event in the same run. They share its fate, since the inbox would tell a handler that all are new. */
  copies: number;
}

interface Run {
  handle: Handle<Envelope>;
  /** By event id, in the order they came. */
  deliveries: Map<string, Delivery>;
}

/**
 * Brings a batch to its end.
 * @returns how many messages had which outcome, once all of it is safe and the batch may be acknowledged
 * @throws Abandoned when it cannot be settled now; no message of it may then be acknowledged
 */
export async function settleBatch(batch: ConsumeMessage[], context: BatchContext): Promise<Record<Outcome, number>> {
  const outcomes = { handled: 0, retried: 0, dead: 0 };
  const elsewhere: Outgoing[] = [];
  const { runs, unreadable } = sort(batch, context);
  for (const { message, reason, detail } of unreadable) {
    context.logger.warn({ ...label(message, context), reason, detail }, 'message dead-lettered');
    elsewhere.push(toDead(context.queue, message, reason, detail));
    outcomes.dead++;
  }
  for (const run of runs) {
    for (const { message, event, copies, error } of await failuresOf(run, context)) {
      const { outcome, outgoing } = afterFailure(context.queue, message, error);
      const ids = { ...label(message, context), ...idsOf([event]) };
      context.logger.warn({ ...ids, err: error, outcome }, 'message could not be handled');
      elsewhere.push(outgoing);
      outcomes[outcome] += 1 + copies;
    }
  }
  await sendUntilConfirmed(elsewhere, context);
  outcomes.handled = batch.length - outcomes.retried - outcomes.dead;
  return outcomes;
}

interface Unreadable {
  message: ConsumeMessage;
  reason: DeadReason;
  detail: string;
}

function sort(batch: ConsumeMessage[], { handlers, queue }: BatchContext): { runs: Run[]; unreadable: Unreadable[] } {
  const runs: Run[] = [];
  const unreadable: Unreadable[] = [];
  for (const message of batch) {
    const read = readEvent(message.content);
    const handle = read.ok ? handlers.get(read.definition.type) : undefined;
    if (!read.ok) {
      unreadable.push({ message, reason: read.reason, detail: read.detail });
    } else if (!handle) {
      const detail = `event.type is ${read.definition.type}, which ${queue} does not take`;
      unreadable.push({ message, reason: 'unknown_type', detail });
    } else if ((publishedKey(message, queue) ?? read.event.type) !== read.event.type) {
      // Rights go by routing key. Who may say one thing must not say another inside it.
      const detail = `event.type is ${read.event.type}, and it was published as ${publishedKey(message, queue)}`;
      unreadable.push({ message, reason: 'foreign_routing_key', detail });
    } else {
      addToRuns(runs, handle, { message, event: read.event, copies: 0 });
    }
  }
  return { runs, unreadable };
}

function addToRuns(runs: Run[], handle: Handle<Envelope>, delivery: Delivery): void {
  const last = runs.at(-1);
  if (last?.handle !== handle) {
    runs.push({ handle, deliveries: new Map([[delivery.event.id, delivery]]) });
    return;
  }
  const original = last.deliveries.get(delivery.event.id);
  if (original) original.copies++;
  else last.deliveries.set(delivery.event.id, delivery);
}

async function failuresOf(run: Run, context: BatchContext): Promise<(Delivery & { error: unknown })[]> {
  const { handle } = run;
  const deliveries = [...run.deliveries.values()];
  const failure = await attempt(handle, deliveries, context);
  if (!failure) return [];
  const [only] = deliveries;
  if (deliveries.length === 1 && only) return [{ ...only, error: failure.error }];
  context.logger.warn({ err: failure.error, events: deliveries.length }, 'batch failed, trying its events one by one');
  const failures: (Delivery & { error: unknown })[] = [];
  for (const delivery of deliveries) {
    const single = await attempt(handle, [delivery], context);
    if (single) failures.push({ ...delivery, error: single.error });
  }
  return failures;
}

/** Calls the handler until the outcome says something about the events, and not about the moment. */
async function attempt(
  handle: Handle<Envelope>,
  deliveries: Delivery[],
  { queue, logger, signal }: BatchContext,
): Promise<{ error: unknown } | undefined> {
  const events = deliveries.map(({ event }) => event);
  const log = logger.child(idsOf(events));
  let contended = 0;
  for (let away = 0; ; ) {
    try {
      await inMessageSpans(queue, events, () => handle(events, { queue, logger: log }));
      log.debug('handled');
      return undefined;
    } catch (error) {
      const kind = transience(error);
      if (kind === undefined) return { error };
      if (kind === 'contention' && ++contended === MAX_CONTENDED_TRIES) return { error };
      const delayMs =
        kind === 'contention'
          ? fullJitterMs(contended, CONTENDED_BACKOFF_MS, MAX_CONTENDED_BACKOFF_MS)
          : fullJitterMs(++away, BACKOFF_MS, MAX_BACKOFF_MS);
      log.warn({ err: error, kind, delayMs }, 'holding the batch');
      await rest(delayMs, signal);
      if (signal.aborted) throw new Abandoned();
    }
  }
}

async function sendUntilConfirmed(outgoing: Outgoing[], { send, logger, signal }: BatchContext): Promise<void> {
  let unsent = outgoing;
  for (let failures = 1; unsent.length > 0; failures++) {
    const refusals = await send(unsent);
    if (refusals.includes('unsendable')) throw new Error('a message cannot be put into the words of the protocol');
    const refused = refusals.filter((refusal) => refusal !== undefined);
    unsent = unsent.filter((_, index) => refusals[index] !== undefined);
    if (unsent.length === 0) return;
    const delayMs = fullJitterMs(failures, BACKOFF_MS, MAX_BACKOFF_MS);
    logger.error({ refused: unsent.length, refusal: refused[0], failures, delayMs }, 'cannot set messages aside');
    await rest(delayMs, signal);
    if (signal.aborted) throw new Abandoned();
  }
}

/** With which log lines of what is handled are found: of a single event its own, of a batch how many. */
function idsOf(events: readonly Envelope[]): Record<string, unknown> {
  const [only] = events;
  if (events.length > 1 || !only) return { events: events.length };
  return { eventId: only.id, correlationId: only.correlationid };
}

const label = ({ properties }: ConsumeMessage, { queue }: BatchContext) => ({
  queue,
  messageId: String(properties.messageId ?? '').slice(0, 100),
});
