import { type Static, type TSchema, Type } from 'typebox';

/** The plain form alone: the format `uuid` by itself also takes `urn:uuid:...`, which the database does not. */
export const Uuid = Type.String({
  format: 'uuid',
  pattern: '^[0-9a-fA-F-]{36}$',
  examples: ['01936f4e-6c1a-7d3b-8a53-3f0c5f2b9d10'],
});

/** An instant in UTC, RFC 3339. */
export const Timestamp = Type.String({ format: 'date-time', examples: ['2026-11-23T08:00:00.000Z'] });

/** Half-open span of time: `start` is inside, `end` is the start of what follows. */
export const Period = Type.Object({ start: Timestamp, end: Timestamp });
export type Period = Static<typeof Period>;

export const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

/** Every list answers with one page and the cursor of the next, or null at the end. */
export const Page = <T extends TSchema>(item: T) =>
  Type.Object({ data: Type.Array(item), nextCursor: Nullable(Type.String()) });

export const PageQuery = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })),
    cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  },
  { additionalProperties: false },
);
export type PageQuery = Static<typeof PageQuery>;

export const IdParams = Type.Object({ id: Uuid }, { additionalProperties: false });
export type IdParams = Static<typeof IdParams>;

/** Idempotency-Key of a request that moves money or creates something (draft-ietf-httpapi-idempotency-key-header). */
export const IdempotencyHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      description: 'Required. A repeat with the same key gets the stored answer.',
    }),
  ),
});
