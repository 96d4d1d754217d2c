import { type Static, type TSchema, Type } from 'typebox';
import { Timestamp, Uuid } from './primitives.ts';

/** The services that say events; each owns the types `evergreen.<service>.*`. */
export type EventSource = 'auth' | 'wallet' | 'subscriptions' | 'gateway' | 'notifier';

/**
 * CloudEvents 1.0 in structured mode, without `data`, whose schema comes with the type.
 * `correlationid` names the request or sweep that began it all, `causationid` the event that led to this one.
 */
const envelope = {
  specversion: Type.Literal('1.0'),
  id: Uuid,
  source: Type.String({ pattern: '^/evergreen/[a-z]+$' }),
  time: Timestamp,
  subject: Type.String({ minLength: 1, maxLength: 200 }),
  datacontenttype: Type.Literal('application/json'),
  correlationid: Type.String({ minLength: 1, maxLength: 100 }),
  causationid: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
  traceparent: Type.Optional(Type.String({ maxLength: 100 })),
};

export const EnvelopeSchema = Type.Object({ ...envelope, type: Type.String(), data: Type.Unknown() });

/** An event as it travels: the envelope around the facts of one type. */
export type Envelope<Data = unknown> = Omit<Static<typeof EnvelopeSchema>, 'data'> & { data: Data };

/** One kind of event: its routing key, who says it, what it means, and the schema of its whole envelope. */
export interface EventDefinition<D extends TSchema = TSchema> {
  readonly type: string;
  readonly source: EventSource;
  readonly meaning: string;
  readonly data: D;
  readonly schema: TSchema;
}

export type DataOf<E> = E extends EventDefinition<infer D> ? Static<D> : never;
export type EventOf<E> = Envelope<DataOf<E>>;

/**
 * Defines `evergreen.<source>.<name>.v<version>`. A change that an old consumer could misread needs a new version,
 * beside the old one until nobody says it.
 */
export function defineEvent<D extends TSchema>(
  source: EventSource,
  name: string,
  version: number,
  meaning: string,
  data: D,
): EventDefinition<D> {
  const type = `evergreen.${source}.${name}.v${version}`;
  const schema = Type.Object({ ...envelope, type: Type.Literal(type), data }, { $id: type, description: meaning });
  return { type, source, meaning, data, schema };
}
