import createFetchClient, { type Client } from 'openapi-fetch';
import type { paths } from './generated/api.ts';

/** The API by its paths: `api.POST('/v1/wallet/top-ups', { body: { ... } })` answers `{ data, error, response }`. */
export type EvergreenClient = Client<paths, Json>;

/** Answers in other types, such as the statement as CSV, are asked for with `fetch`. */
type Json = 'application/json' | 'application/problem+json';

/** What a caller shows, and what it is renewed with. */
export interface Session {
  accessToken?: string | undefined;
  /** `cookie` in a browser, which keeps the refresh token where scripts cannot read it; else the token itself. */
  refreshToken?: 'cookie' | (string & {}) | undefined;
}

export interface ClientOptions {
  /** As in https://evergreen.example; the page's own origin, as in '', in a browser. */
  baseUrl: string;
  session?: Session;
  /** Told of each session that takes the place of the last one, and of its end. */
  onSession?: (session: Session | undefined) => void;
  /** How long one request may take, in ms; 20 s if left out. Moving the billing clock far takes longer. */
  timeoutMs?: number;
}

const TIMEOUT_MS = 20_000;
const REFRESH_PATH = '/v1/auth/refresh';

/** Whose access token it is; undefined for what is none. */
export function subjectOf(accessToken: string): string | undefined {
  try {
    const [, payload = ''] = accessToken.split('.');
    return (JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/'))) as { sub?: string }).sub;
  } catch {
    return undefined;
  }
}

/**
 * A client of the whole API. It sends the access token; gives a POST an Idempotency-Key when it has none; and when the token is
 * refused takes a new one, once for all requests that wait, and repeats the request with the key it had.
 */
export function createClient({
  baseUrl,
  session = {},
  onSession,
  timeoutMs = TIMEOUT_MS,
}: ClientOptions): EvergreenClient {
  let current: Session = session;
  let refreshing: Promise<boolean> | undefined;

  const send = (request: Request): Promise<Response> => {
    if (current.accessToken) request.headers.set('authorization', `Bearer ${current.accessToken}`);
    return fetch(request, { signal: AbortSignal.any([request.signal, AbortSignal.timeout(timeoutMs)]) });
  };

  async function refresh(): Promise<boolean> {
    const body = current.refreshToken === 'cookie' ? {} : { refreshToken: current.refreshToken };
    const response = await fetch(`${baseUrl}${REFRESH_PATH}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(timeoutMs),
    });
    // A service that is down has not ended the session.
    if (response.status >= 500 || response.status === 429) return false;
    if (!response.ok) {
      current = {};
      onSession?.(undefined);
      return false;
    }
    const { accessToken, refreshToken } = (await response.json()) as { accessToken: string; refreshToken?: string };
    const before = subjectOf(current.accessToken ?? '');
    current = { accessToken, refreshToken: refreshToken ?? current.refreshToken };
    onSession?.(current);
    // In a browser the cookie may be somebody else's by now, who must not do what this person has asked for.
    return before === undefined || before === subjectOf(accessToken);
  }

  async function sendWithSession(request: Request): Promise<Response> {
    if (request.method === 'POST' && !request.headers.has('idempotency-key')) {
      request.headers.set('idempotency-key', crypto.randomUUID());
    }
    const again = request.clone();
    const shown = current.accessToken;
    const response = await send(request);
    // Other 401s are about a password or a refresh token, and name no scheme.
    const wasRefused = response.status === 401 && response.headers.has('www-authenticate');
    if (!wasRefused || current.refreshToken === undefined) return response;
    // Somebody else's request may have brought the new token while this one was on its way.
    if (current.accessToken === shown) {
      refreshing ??= refresh().finally(() => {
        refreshing = undefined;
      });
      if (!(await refreshing)) return response;
    }
    await response.body?.cancel();
    return send(again);
  }

  return createFetchClient<paths, Json>({ baseUrl, fetch: sendWithSession });
}
