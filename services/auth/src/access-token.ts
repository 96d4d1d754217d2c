import { ACCESS_TOKEN_TYPE, API_AUDIENCE } from '@evergreen/service-kit/auth.ts';
import jwt from 'jsonwebtoken';
import { v7 as uuidv7 } from 'uuid';
import type { Account } from './accounts.ts';
import type { SigningKeys } from './signing-keys.ts';

/** Design section 8: a token that got away counts for ten minutes. */
export const ACCESS_TOKEN_SECONDS = 600;

/** Signs an access token (RFC 9068) for one session of an account, good for `ACCESS_TOKEN_SECONDS` from `now`. */
export function signAccessToken(
  { active }: Pick<SigningKeys, 'active'>,
  { account, sessionId, issuer, now }: { account: Account; sessionId: string; issuer: string; now: Date },
): string {
  const { role, timeZone, locale } = account;
  const issuedAt = Math.floor(now.getTime() / 1000);
  return jwt.sign({ role, zoneinfo: timeZone, locale, sid: sessionId, iat: issuedAt }, active.privateKey, {
    header: { alg: 'ES256', typ: ACCESS_TOKEN_TYPE, kid: active.kid },
    issuer,
    audience: API_AUDIENCE,
    subject: account.id,
    jwtid: uuidv7(),
    expiresIn: ACCESS_TOKEN_SECONDS,
  });
}
