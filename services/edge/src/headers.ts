import type { IncomingHttpHeaders } from 'node:http';
import { traceHeaders } from '@evergreen/service-kit/tracing.ts';
import type { ClientOrigin } from './client-origin.ts';
import type { Upstream } from './route-table.ts';

/** RFC 9110 section 7.6.1: these speak of one connection, and `Expect` is answered by the edge itself. */
const HOP_BY_HOP = new Set([
  'connection',
  'expect',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** What only the edge may say of a caller. Whoever sends it from outside makes it up. */
const isEdgesWord = (name: string): boolean =>
  name === 'forwarded' ||
  name === 'x-real-ip' ||
  name === 'x-request-id' ||
  name === 'traceparent' ||
  name === 'tracestate' ||
  name === 'baggage' ||
  name.startsWith('x-forwarded-') ||
  name.startsWith('x-user-');

/**
 * The headers a service gets: the client's, without what is about the connection or forged, and the edge's own. Cookies are auth's
 * alone: nobody else needs to see a refresh token.
 */
export function headersForService(
  headers: IncomingHttpHeaders,
  { upstream, requestId, address, overHttps }: { upstream: Upstream; requestId: string } & ClientOrigin,
): IncomingHttpHeaders {
  const named = connectionNames(headers);
  const kept = Object.entries(headers).filter(
    ([name]) =>
      !HOP_BY_HOP.has(name) && !named.has(name) && !isEdgesWord(name) && (name !== 'cookie' || upstream === 'auth'),
  );
  return {
    ...Object.fromEntries(kept),
    'x-request-id': requestId,
    ...traceHeaders(),
    'x-forwarded-for': address,
    'x-forwarded-proto': overHttps ? 'https' : 'http',
  };
}

/**
 * The headers a client gets. An answer that says nothing of caches is kept by none: most of them are somebody's own
 * (ASVS 8.2.1).
 */
export function headersForClient(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const named = connectionNames(headers);
  const kept = Object.entries(headers).filter(
    ([name]) => !HOP_BY_HOP.has(name) && !named.has(name) && name !== 'x-request-id',
  );
  return { 'cache-control': 'no-store', ...Object.fromEntries(kept) };
}

/** A sender lists in Connection what else is meant for this connection alone. */
const connectionNames = ({ connection }: IncomingHttpHeaders): Set<string> =>
  new Set((connection ?? '').split(',').map((name) => name.trim().toLowerCase()));
