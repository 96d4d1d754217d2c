import { type Static, Type } from 'typebox';
import { defineEvent } from '../envelope.ts';
import { Uuid } from '../primitives.ts';

const UserFacts = Type.Object({
  userId: Uuid,
  email: Type.String(),
  role: Type.Enum(['customer', 'operator']),
  timeZone: Type.String({ description: 'IANA time zone' }),
  locale: Type.String({ description: 'BCP 47 language tag' }),
  version: Type.Integer({ minimum: 1 }),
});
export type UserFacts = Static<typeof UserFacts>;

export const UserRegistered = defineEvent('auth', 'UserRegistered', 1, 'Somebody opened an account', UserFacts);
export const UserUpdated = defineEvent(
  'auth',
  'UserUpdated',
  1,
  'Somebody changed their time zone or locale',
  UserFacts,
);
