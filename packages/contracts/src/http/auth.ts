import { type Static, Type } from 'typebox';
import { Nullable, PageQuery, Timestamp, Uuid } from '../primitives.ts';

export const Email = Type.String({ format: 'email', maxLength: 254, examples: ['ada@example.com'] });
/** ASVS 2.1: 8 to 128 characters, no composition rules. */
export const Password = Type.String({ minLength: 8, maxLength: 128, examples: ['a long sentence is best'] });
export const TimeZone = Type.String({
  minLength: 1,
  maxLength: 64,
  description: 'IANA time zone',
  examples: ['Europe/Amsterdam'],
});
export const Locale = Type.String({
  pattern: '^[a-z]{2}(-[A-Z]{2})?$',
  description: 'BCP 47 language tag',
  examples: ['en'],
});

export const Role = Type.Enum(['customer', 'operator']);
export type Role = Static<typeof Role>;

export const User = Type.Object({
  id: Uuid,
  email: Type.String(),
  role: Role,
  timeZone: Type.String(),
  locale: Type.String(),
});
export type User = Static<typeof User>;

export const OperatorUser = Type.Object({ ...User.properties, createdAt: Timestamp });
export type OperatorUser = Static<typeof OperatorUser>;

export const OperatorUserQuery = Type.Object(
  {
    ...PageQuery.properties,
    q: Type.Optional(
      Type.String({ maxLength: 254, description: 'The beginning of an email, in any case of letters, or an id' }),
    ),
  },
  { additionalProperties: false },
);
export type OperatorUserQuery = Static<typeof OperatorUserQuery>;

/** `cookie` (default) keeps the refresh token in an httpOnly cookie; `body` is for clients without a cookie jar. */
const RefreshTokenIn = Type.Optional(Type.Enum(['cookie', 'body']));

export const RegisterBody = Type.Object(
  {
    email: Email,
    password: Password,
    timeZone: Type.Optional(TimeZone),
    locale: Type.Optional(Locale),
    refreshTokenIn: RefreshTokenIn,
  },
  { additionalProperties: false },
);
export type RegisterBody = Static<typeof RegisterBody>;

export const LoginBody = Type.Object(
  {
    email: Email,
    password: Type.String({ minLength: 1, maxLength: 128 }),
    refreshTokenIn: RefreshTokenIn,
    deviceToken: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 200,
        description: 'From an earlier log-in, for clients without a cookie jar: strangers cannot use up its attempts',
      }),
    ),
  },
  { additionalProperties: false },
);
export type LoginBody = Static<typeof LoginBody>;

export const RefreshBody = Type.Object(
  { refreshToken: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })) },
  { additionalProperties: false },
);
export type RefreshBody = Static<typeof RefreshBody>;

export const Session = Type.Object({
  user: User,
  accessToken: Type.String(),
  expiresIn: Type.Integer({ description: 'Seconds until the access token expires' }),
  refreshToken: Type.Optional(Type.String({ description: 'Only for clients that asked for it in the body' })),
  deviceToken: Type.Optional(
    Type.String({
      description: 'Only for clients that asked for the refresh token in the body; send it with the next log-in',
    }),
  ),
});
export type Session = Static<typeof Session>;

export const ProfileBody = Type.Object(
  { timeZone: Type.Optional(TimeZone), locale: Type.Optional(Locale) },
  { additionalProperties: false, minProperties: 1 },
);
export type ProfileBody = Static<typeof ProfileBody>;

/** The account, and an access token that says the same of it: services go by what is in the token. */
export const UpdatedUser = Type.Object({
  ...User.properties,
  accessToken: Type.String({ description: 'Takes the place of the one that was sent, and expires when that one does' }),
  expiresIn: Type.Integer({ description: 'Seconds until the access token expires' }),
});
export type UpdatedUser = Static<typeof UpdatedUser>;

export const PasswordBody = Type.Object(
  { currentPassword: Type.String({ minLength: 1, maxLength: 128 }), newPassword: Password },
  { additionalProperties: false },
);
export type PasswordBody = Static<typeof PasswordBody>;

/** One log-in on one device, as its owner sees it. */
export const SessionEntry = Type.Object({
  id: Uuid,
  createdAt: Timestamp,
  lastUsedAt: Timestamp,
  address: Nullable(Type.String({ description: 'IP address it was last used from' })),
  userAgent: Nullable(Type.String({ description: 'What the browser or client last called itself' })),
  current: Type.Boolean({ description: 'The session of the access token that asks' }),
});
export type SessionEntry = Static<typeof SessionEntry>;
