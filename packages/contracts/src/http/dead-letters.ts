import { type Static, Type } from 'typebox';
import { Nullable, Timestamp } from '../primitives.ts';
import { MAX_DEAD_LETTERS_SHOWN, QUEUES } from '../topology.ts';

/** What could not be handled, as an operator sees it. */

export const QueueName = Type.Enum(
  QUEUES.map(({ name }) => name),
  { description: 'A queue, without `.dead`' },
);

const MessageId = Type.String({ minLength: 1, maxLength: 255 });

export const DeadLetter = Type.Object({
  id: Nullable(Type.String({ description: 'Of the message, which is that of its event; null when it has none' })),
  type: Nullable(Type.String({ description: 'What it was published as' })),
  deadAt: Nullable(Timestamp),
  reason: Type.String({
    description:
      'attempts_exhausted: its handler failed each time; delivery_limit: it was never acknowledged; else why it cannot be read: ' +
      'malformed, oversized, unknown_type, unknown_version, invalid, foreign_routing_key',
  }),
  detail: Nullable(Type.String({ description: 'What went wrong, in words' })),
  attempts: Type.Integer({
    minimum: 0,
    description: 'How often it was tried to handle it, since it was last redriven',
  }),
  redrives: Type.Integer({ minimum: 0 }),
  bytes: Type.Integer({ minimum: 0 }),
  body: Nullable(
    Type.String({
      description: 'The beginning of its body, with what may be secret left out; null when it is no JSON object',
    }),
  ),
});
export type DeadLetter = Static<typeof DeadLetter>;

export const DeadLetterQueue = Type.Object({
  queue: QueueName,
  count: Type.Integer({ minimum: 0 }),
  messages: Type.Array(DeadLetter, { description: 'The oldest, oldest first' }),
});
export type DeadLetterQueue = Static<typeof DeadLetterQueue>;

export const DeadLetterQuery = Type.Object(
  {
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: MAX_DEAD_LETTERS_SHOWN,
        default: 20,
        description: 'Messages to show of each queue',
      }),
    ),
  },
  { additionalProperties: false },
);
export type DeadLetterQuery = Static<typeof DeadLetterQuery>;

export const DeadLetters = Type.Object({
  queues: Type.Array(DeadLetterQueue),
  unavailable: Type.Array(Type.String(), { description: 'Services that did not answer; their queues are not shown' }),
});
export type DeadLetters = Static<typeof DeadLetters>;

export const RedriveBody = Type.Object(
  {
    queue: QueueName,
    messageId: Type.Optional(MessageId),
  },
  { additionalProperties: false, description: 'Without a messageId: all that are there now, 1,000 at most' },
);
export type RedriveBody = Static<typeof RedriveBody>;

export const Redriven = Type.Object({
  queue: QueueName,
  redriven: Type.Integer({ minimum: 0 }),
  left: Type.Integer({ minimum: 0, description: 'Dead letters of the queue that were not redriven' }),
});
export type Redriven = Static<typeof Redriven>;

/** What one service has. */
export const OwnDeadLetters = Type.Object({ queues: Type.Array(DeadLetterQueue) });
export type OwnDeadLetters = Static<typeof OwnDeadLetters>;

/** As the operator's service asks the one that owns the queue. */
export const RedriveOrder = Type.Object(
  { ...RedriveBody.properties, operatorId: Type.String({ maxLength: 100 }) },
  { additionalProperties: false },
);
export type RedriveOrder = Static<typeof RedriveOrder>;
