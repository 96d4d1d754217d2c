import { type Static, type TSchema, Type } from 'typebox';
import { Notification, UnreadCount } from './http/notifications.ts';
import { Uuid } from './primitives.ts';
import { ProblemBody } from './problems.ts';

/** Notifications that were marked read, in some tab or over HTTP. */
export const ReadMark = Type.Union([Type.Object({ ids: Type.Array(Uuid) }), Type.Object({ all: Type.Literal(true) })]);
export type ReadMark = Static<typeof ReadMark>;

/** What an open page should read again; `id` is that of the top-up, charge, adjustment or subscription. */
export const Changed = Type.Object({
  what: Type.Enum(['wallet', 'subscription']),
  id: Type.Union([Uuid, Type.Null()], {
    description: 'Null after a gap, in which any of them may have changed',
  }),
});
export type Changed = Static<typeof Changed>;

/** What a client says when it connects, as socket.io's `auth`. */
export const SocketAuth = Type.Object({
  token: Type.String({ description: 'The access token; the socket closes when it expires' }),
  lastNotificationId: Type.Optional(
    Type.String({
      format: 'uuid',
      description:
        'The newest notification the client has: it gets what came after. The nil UUID says that it has none',
    }),
  ),
});

/** One thing that happened on the broker, told by its envelope: what the event says stays between the services. */
export const FlowEvent = Type.Object({
  id: Type.String({ description: 'Of the event; the same when it is retried' }),
  type: Type.String({ examples: ['evergreen.wallet.ChargeSucceeded.v1'] }),
  source: Type.String({ description: 'The service that said it', examples: ['/evergreen/wallet'] }),
  subject: Type.String({ description: 'What it is about, such as the id of a user or a subscription' }),
  time: Type.String({ description: 'Business time, RFC 3339', examples: ['2026-11-23T08:00:00.000Z'] }),
  kind: Type.Enum(['published', 'retried', 'dead'], {
    description: 'Said for the first time, set aside for another try, or set aside as a dead letter',
  }),
  queue: Type.Optional(Type.String({ description: 'Whose consumer set it aside', examples: ['wallet.charges'] })),
  consumers: Type.Array(Type.String(), { description: 'The queues it goes to' }),
  attempt: Type.Optional(Type.Integer({ minimum: 1, description: 'How many tries have failed' })),
});
export type FlowEvent = Static<typeof FlowEvent>;

/** The most events in one batch of the flow. */
export const MAX_FLOW_EVENTS = 100;

/** What happened on the broker in the last moment, oldest first. */
export const EventFlow = Type.Object({
  events: Type.Array(FlowEvent, { maxItems: MAX_FLOW_EVENTS }),
  leftOut: Type.Integer({ minimum: 0, description: 'How many more there were; retries and dead letters go first' }),
});
export type EventFlow = Static<typeof EventFlow>;

/** What the server answers to `flow:watch`, where the client asks for an answer: this, or a problem. */
export const FlowAnswer = Type.Union([Type.Object({ watching: Type.Literal(true) }), ProblemBody]);
export type FlowAnswer = Static<typeof FlowAnswer>;

export interface SocketMessage {
  meaning: string;
  payload: TSchema;
}

/** All that the server emits, by its name. */
export const SOCKET_MESSAGES: Readonly<Record<string, SocketMessage>> = {
  notification: { meaning: 'A new notification', payload: Notification },
  'notifications:read': { meaning: 'Notifications were marked read: these, or all', payload: ReadMark },
  'unread-count': { meaning: 'How many are unread now', payload: UnreadCount },
  changed: { meaning: 'What an open page shows is out of date', payload: Changed },
  'event-flow': {
    meaning: 'What happened on the broker, for operators that watch; at most every 250 ms',
    payload: EventFlow,
  },
};

/** All that the server listens to. For everything else clients talk over HTTP. */
export const SOCKET_REQUESTS: Readonly<Record<string, SocketMessage>> = {
  'flow:watch': {
    meaning: 'An operator wants to hear `event-flow`; answered when the client asks for an answer',
    payload: FlowAnswer,
  },
  'flow:unwatch': { meaning: 'No more `event-flow`', payload: Type.Null() },
};
