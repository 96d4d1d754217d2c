import { type Static, Type } from 'typebox';
import { Uuid } from '../primitives.ts';

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
});
export type Session = Static<typeof Session>;
