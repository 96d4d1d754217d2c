import { createHash, createPublicKey, type KeyObject, timingSafeEqual, type webcrypto } from 'node:crypto';
import type { Role } from '@evergreen/contracts/http/auth.ts';
import type { FastifyRequest } from 'fastify';
import jwt from 'jsonwebtoken';
import { Problem } from './problem.ts';
import { serviceCallers } from './service-callers.ts';

/** What services learn of the caller, from the access token alone. */
export interface Caller {
  id: string;
  role: Role;
  /** IANA time zone. */
  timeZone: string;
  /** BCP 47 language tag. */
  locale: string;
  /** When the access token stops counting, in seconds since 1970. */
  expiresAt: number;
  /** The session the access token came from, if it says so. */
  sessionId?: string;
}

/** The `aud` of access tokens. */
export const API_AUDIENCE = 'evergreen-api';
/** RFC 9068: an access token says that it is one, so no other JWT passes for it. */
export const ACCESS_TOKEN_TYPE = 'at+jwt';

export interface Jwks {
  keys: (webcrypto.JsonWebKey & { kid?: string })[];
}

/** Finds the public key of a `kid`, or undefined when there is none. */
export type FindKey = (kid: string) => Promise<KeyObject | undefined>;

export type VerifyToken = (token: string) => Promise<Caller>;

/** Keys handed over at once, for tests. */
export function staticKeys(jwks: Jwks): FindKey {
  const keys = new Map(jwks.keys.map((key) => [key.kid ?? '', createPublicKey({ key, format: 'jwk' })]));
  return async (kid) => keys.get(kid);
}

const JWKS_MAX_AGE_MS = 300_000;
const JWKS_MIN_REFRESH_MS = 2_000;
const JWKS_TIMEOUT_MS = 3_000;

/**
 * Keys fetched from auth and kept. An unknown `kid` asks again, at most every 2 s, so that a rotation is seen at once and
 * forged tokens cannot make a flood of requests. While auth is down the known keys go on counting; once it has not answered
 * nobody waits for it any more.
 */
export function remoteKeys(
  url: string,
  { maxAgeMs = JWKS_MAX_AGE_MS, minRefreshMs = JWKS_MIN_REFRESH_MS, timeoutMs = JWKS_TIMEOUT_MS } = {},
): FindKey {
  let keys = new Map<string, KeyObject>();
  let fetchedAtMs = Number.NEGATIVE_INFINITY;
  let triedAtMs = Number.NEGATIVE_INFINITY;
  let running: Promise<void> | undefined;
  let isAway = false;

  const refresh = async (): Promise<void> => {
    triedAtMs = performance.now();
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    if (!response.ok) throw new Error(`JWKS answered ${response.status}`);
    const jwks = (await response.json()) as Jwks;
    keys = new Map(jwks.keys.map((key) => [key.kid ?? '', createPublicKey({ key, format: 'jwk' })]));
    fetchedAtMs = performance.now();
  };
  const settle = (failed: boolean): void => {
    running = undefined;
    isAway = failed;
  };

  return async (kid) => {
    const nowMs = performance.now();
    const stale = nowMs - fetchedAtMs > maxAgeMs || !keys.has(kid);
    if (stale && (running || nowMs - triedAtMs > minRefreshMs)) {
      running ??= refresh().then(
        () => settle(false),
        () => settle(true),
      );
      if (!isAway) await running;
    }
    if (keys.size === 0 || (isAway && !keys.has(kid)))
      throw new Problem('service_unavailable', 'Access tokens cannot be checked right now');
    return keys.get(kid);
  };
}

/**
 * Checks an access token (docs/adr/0007, RFC 9068): ES256 and nothing else, a known `kid`, our issuer and audience,
 * typed `at+jwt`, within its time.
 * @throws Problem unauthenticated, without telling which check failed
 */
export function tokenVerifier({ findKey, issuer }: { findKey: FindKey; issuer: string }): VerifyToken {
  return async (token) => {
    try {
      const header = jwt.decode(token, { complete: true })?.header;
      if (header?.alg !== 'ES256' || header.typ !== ACCESS_TOKEN_TYPE || !header.kid) throw new Error('header');
      // RFC 7515 section 4.1.11: an extension that must be understood, and is not, makes the token invalid.
      if ('crit' in header) throw new Error('crit');
      const key = await findKey(header.kid);
      if (!key) throw new Error('kid');
      const claims = jwt.verify(token, key, { algorithms: ['ES256'], issuer, audience: API_AUDIENCE });
      return callerOf(claims);
    } catch (error) {
      if (error instanceof Problem) throw error;
      throw new Problem('unauthenticated', 'The access token is missing, expired or not valid');
    }
  };
}

function callerOf(claims: string | jwt.JwtPayload): Caller {
  if (typeof claims === 'string' || !claims.sub || !claims.exp) throw new Error('claims');
  const { role, zoneinfo, locale, sid } = claims as Record<string, unknown>;
  if (role !== 'customer' && role !== 'operator') throw new Error('role');
  if (typeof zoneinfo !== 'string' || typeof locale !== 'string') throw new Error('profile');
  const caller: Caller = { id: claims.sub, role, timeZone: zoneinfo, locale, expiresAt: claims.exp };
  return typeof sid === 'string' ? { ...caller, sessionId: sid } : caller;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by `requireUser` and `requireOperator`; reading it on an open route throws. */
    caller: Caller;
  }
}

/**
 * The onRequest hooks of routes: they run before the body is read, so a stranger learns nothing about its schema.
 * @param callers the services that may call, as in SERVICE_CALLERS
 */
export function accessHooks({ verifyToken, callers }: { verifyToken: VerifyToken; callers: string }) {
  const identifyService = serviceCallers(callers);
  const requireUser = async (request: FastifyRequest): Promise<void> => {
    request.caller = await verifyToken(bearer(request));
  };
  return {
    requireUser,
    requireOperator: async (request: FastifyRequest): Promise<void> => {
      await requireUser(request);
      if (request.caller.role !== 'operator') throw new Problem('forbidden', 'Only an operator may do this');
    },
    /** For calls between services: each route names those that may call it. */
    requireService(...services: string[]) {
      // The API document tells from the names of hooks who may call.
      return async function requireService(request: FastifyRequest): Promise<void> {
        const service = identifyService(bearer(request));
        if (service === undefined) throw new Problem('unauthenticated');
        if (!services.includes(service)) throw new Problem('forbidden', `The service ${service} may not do this`);
      };
    },
  };
}

export type AccessHooks = ReturnType<typeof accessHooks>;

/** For routes that are there for one other party alone, which has a key for them. */
export function requireKey(key: string) {
  // The API document tells from the names of hooks who may call.
  return async function requireService(request: FastifyRequest): Promise<void> {
    if (!sameSecret(bearer(request), key)) throw new Problem('unauthenticated');
  };
}

function bearer(request: FastifyRequest): string {
  const [scheme, token, ...rest] = (request.headers.authorization ?? '').split(' ');
  if (scheme?.toLowerCase() !== 'bearer' || !token || rest.length > 0) {
    throw new Problem('unauthenticated', 'Send the access token as "Authorization: Bearer <token>"');
  }
  return token;
}

/** Compares secrets in time that tells nothing about them. */
export function sameSecret(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
