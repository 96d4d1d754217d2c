import { type Static, Type } from 'typebox';
import { Nullable, PageQuery, Timestamp, Uuid } from '../primitives.ts';

export const NotificationType = Type.Enum(['payment_succeeded', 'charge_failed', 'expiry_notice']);
export type NotificationType = Static<typeof NotificationType>;

export const Notification = Type.Object({
  id: Uuid,
  type: NotificationType,
  title: Type.String(),
  body: Type.String(),
  data: Type.Record(Type.String(), Type.Unknown(), { description: 'The facts the text is made from' }),
  readAt: Nullable(Timestamp),
  createdAt: Timestamp,
});
export type Notification = Static<typeof Notification>;

const reach = {
  inbox: Type.Boolean({ description: 'Does it come into the inbox at all? What does not is never counted' }),
  live: Type.Boolean({
    description: 'Do open pages show it as it comes? What is not in the inbox is not shown either',
  }),
};

/** Which notifications reach a person, by type. That a payment failed cannot be kept out of the inbox. */
export const NotificationPreferences = Type.Object(
  {
    payment_succeeded: Type.Object(reach, { additionalProperties: false }),
    charge_failed: Type.Object(
      { ...reach, inbox: Type.Literal(true, { description: 'Always: who misses it loses what they pay for' }) },
      { additionalProperties: false },
    ),
    expiry_notice: Type.Object(reach, { additionalProperties: false }),
  },
  { additionalProperties: false },
);
export type NotificationPreferences = Static<typeof NotificationPreferences>;

export const NotificationQuery = Type.Object(
  { ...PageQuery.properties, unread: Type.Optional(Type.Boolean()), type: Type.Optional(NotificationType) },
  { additionalProperties: false },
);
export type NotificationQuery = Static<typeof NotificationQuery>;

export const UnreadCount = Type.Object({ unreadCount: Type.Integer({ minimum: 0 }) });
export type UnreadCount = Static<typeof UnreadCount>;

/** The body of "mark all read"; it may be left out. */
export const ReadAllBody = Nullable(
  Type.Object(
    {
      upTo: Type.Optional(
        Type.String({
          format: 'uuid',
          description: 'The newest notification the client has seen; later ones stay unread',
        }),
      ),
    },
    { additionalProperties: false },
  ),
);
export type ReadAllBody = Static<typeof ReadAllBody>;
