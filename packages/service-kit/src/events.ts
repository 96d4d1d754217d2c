import { EVENTS } from '@evergreen/contracts/catalogue.ts';
import type { Envelope, EventDefinition } from '@evergreen/contracts/envelope.ts';
import { MAX_MESSAGE_BYTES } from '@evergreen/contracts/topology.ts';
import type { ValidateFunction } from 'ajv';
import type { Static, TSchema } from 'typebox';
import { v7 as uuidv7 } from 'uuid';
import { traceparentFor } from './tracing.ts';
import { compile, describeError } from './validation.ts';

const validators = new WeakMap<EventDefinition, ValidateFunction>();

/** What is wrong with an event, by field, or undefined when it keeps its contract. */
function breach(definition: EventDefinition, event: unknown): string | undefined {
  let validate = validators.get(definition);
  if (!validate) {
    validate = compile(definition.schema);
    validators.set(definition, validate);
  }
  if (validate(event)) return undefined;
  return (validate.errors ?? [])
    .map((error) => describeError(error, 'event'))
    .map(({ field, message }) => `${field} ${message}`)
    .join('; ');
}

export interface NewEvent<Data> {
  /** What the event is about: the id of the subscription, the user, the charge. */
  subject: string;
  data: Data;
  /** RFC 3339 in UTC. */
  time: string;
  correlationId: string;
  causationId?: string | undefined;
}

/**
 * A new event with an id of its own (UUIDv7), ready for the outbox. It goes on with the trace of its cause.
 * @throws TypeError that names the field, when it breaks its contract: such an event must never leave the service
 */
export function newEvent<D extends TSchema>(
  definition: EventDefinition<D>,
  { subject, data, time, correlationId, causationId }: NewEvent<Static<D>>,
): Envelope<Static<D>> {
  const traceparent = traceparentFor([causationId, correlationId]);
  const event: Envelope<Static<D>> = {
    specversion: '1.0',
    id: uuidv7(),
    source: `/evergreen/${definition.source}`,
    type: definition.type,
    time,
    subject,
    datacontenttype: 'application/json',
    correlationid: correlationId,
    ...(causationId !== undefined && { causationid: causationId }),
    ...(traceparent !== undefined && { traceparent }),
    data,
  };
  const wrong = breach(definition, event);
  if (wrong) throw new TypeError(`${definition.type} breaks its contract: ${wrong}`);
  return event;
}

export type UnreadableReason = 'oversized' | 'malformed' | 'unknown_type' | 'unknown_version' | 'invalid';

export type ReadEvent =
  | { ok: true; event: Envelope; definition: EventDefinition }
  | { ok: false; reason: UnreadableReason; detail: string };

const withoutVersion = (type: string): string => type.replace(/\.v\d+$/, '');
const knownNames = new Set([...EVENTS.keys()].map(withoutVersion));
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads a message body and believes nothing: size, UTF-8, JSON, type, version and every field are checked. `detail`
 * names the field, and holds no values but the type.
 */
export function readEvent(body: Buffer): ReadEvent {
  if (body.byteLength > MAX_MESSAGE_BYTES) {
    return unreadable('oversized', `${body.byteLength} bytes, the most is ${MAX_MESSAGE_BYTES}`);
  }
  let event: unknown;
  try {
    event = JSON.parse(utf8.decode(body));
  } catch {
    return unreadable('malformed', 'the body is not JSON in UTF-8');
  }
  if (typeof event !== 'object' || event === null || Array.isArray(event)) {
    return unreadable('malformed', 'the body is not a JSON object');
  }
  const { type } = event as { type?: unknown };
  if (typeof type !== 'string') return unreadable('malformed', 'event.type is not a text');
  const definition = EVENTS.get(type);
  if (!definition) {
    const reason = knownNames.has(withoutVersion(type)) ? 'unknown_version' : 'unknown_type';
    return unreadable(reason, `event.type is ${type.slice(0, 200)}`);
  }
  const wrong = breach(definition, event);
  return wrong ? unreadable('invalid', wrong) : { ok: true, event: event as Envelope, definition };
}

const unreadable = (reason: UnreadableReason, detail: string): ReadEvent => ({ ok: false, reason, detail });
