import { ACCESS_TOKEN_TYPE, API_AUDIENCE } from '@evergreen/service-kit/auth.ts';
import jwt from 'jsonwebtoken';
import { v7 as uuidv7 } from 'uuid';
import type { Account } from './accounts.ts';
import type { Keyring } from './keyring.ts';

/** docs/adr/0007: a token that got away counts for ten minutes. */
export const ACCESS_TOKEN_SECONDS = 600;

interface TokenOf {
  account: Account;
  sessionId: string;
  issuer: string;
  now: Date;
  /** 1 to `ACCESS_TOKEN_SECONDS`, which it is when left out. */
  lifeSeconds?: number;
}

/** Signs an access token (RFC 9068) for one session of an account, good from `now`. */
export function signAccessToken(key: ReturnType<Keyring['active']>, token: TokenOf): string {
  const { account, sessionId, issuer, now, lifeSeconds = ACCESS_TOKEN_SECONDS } = token;
  const { role, timeZone, locale } = account;
  const issuedAt = Math.floor(now.getTime() / 1000);
  return jwt.sign({ role, zoneinfo: timeZone, locale, sid: sessionId, iat: issuedAt }, key.privateKey, {
    header: { alg: 'ES256', typ: ACCESS_TOKEN_TYPE, kid: key.kid },
    issuer,
    audience: API_AUDIENCE,
    subject: account.id,
    jwtid: uuidv7(),
    expiresIn: lifeSeconds,
  });
}
