import type { Bounds } from './places.ts';

/** The services behind the edge. */
export const UPSTREAMS = ['auth', 'wallet', 'subscriptions', 'gateway', 'notifier'] as const;
export type Upstream = (typeof UPSTREAMS)[number];

export interface Route {
  /** Whole segments of a path: /v1/wallet covers /v1/wallet/top-ups, and not /v1/wallets. */
  prefix: string;
  upstream: Upstream;
  /** How long the service may take to begin its answer, and then to end it, unless that is a stream. */
  timeoutMs: number;
  /** How long a stream of the service, such as server-sent events, may be silent before it is cut off. */
  maxSilenceMs: number;
  /** Requests that may be with the service at once; a connection each. Whoever comes on top of that gets a 503. */
  inFlight: Bounds;
  /** Streams that may be open at once, apart from the requests in flight: who reads slowly takes no place of theirs. */
  streams: Bounds;
  /** Whether a replica keeps what one request began for those that follow, so that a client must reach the same one again. */
  hasSessions?: true;
}

/** Services say something at least every 15 s on a stream that stays open. */
const maxSilenceMs = 45_000;
const streams: Bounds = { max: 64, share: 8 };
const ANSWER = { timeoutMs: 15_000, maxSilenceMs, inFlight: { max: 256, share: 128 }, streams };
/** Advancing the billing clock answers when everything has settled, or says how far it is in events. */
const SETTLE = { timeoutMs: 180_000, maxSilenceMs, inFlight: { max: 16, share: 16 }, streams };
/** A long poll of socket.io rests until there is something to say, or until its next ping, 25 s by default. */
const LONG_POLL = {
  timeoutMs: 60_000,
  maxSilenceMs,
  inFlight: { max: 10_000, share: 1_000 },
  streams,
  hasSessions: true,
} as const;

/** All that is reachable from outside. What is not here does not exist: /internal, /metrics, the provider's /payments. */
export const ROUTES: readonly Route[] = [
  { prefix: '/v1/auth', upstream: 'auth', ...ANSWER },
  { prefix: '/.well-known/jwks.json', upstream: 'auth', ...ANSWER },
  { prefix: '/v1/wallet', upstream: 'wallet', ...ANSWER },
  { prefix: '/v1/wallets', upstream: 'wallet', ...ANSWER },
  { prefix: '/v1/plans', upstream: 'subscriptions', ...ANSWER },
  { prefix: '/v1/subscriptions', upstream: 'subscriptions', ...ANSWER },
  { prefix: '/v1/entitlements', upstream: 'subscriptions', ...ANSWER },
  { prefix: '/v1/operator/subscriptions', upstream: 'subscriptions', ...ANSWER },
  { prefix: '/v1/operator/scheduler', upstream: 'subscriptions', ...ANSWER },
  { prefix: '/v1/operator/catch-up-preview', upstream: 'subscriptions', ...ANSWER },
  { prefix: '/v1/operator/metrics', upstream: 'subscriptions', ...ANSWER },
  { prefix: '/v1/operator/dead-letters', upstream: 'subscriptions', ...ANSWER },
  { prefix: '/v1/operator/users', upstream: 'auth', ...ANSWER },
  { prefix: '/v1/clock', upstream: 'subscriptions', ...SETTLE },
  { prefix: '/v1/gateway', upstream: 'gateway', ...ANSWER },
  { prefix: '/v1/notifications', upstream: 'notifier', ...ANSWER },
  { prefix: '/socket.io', upstream: 'notifier', ...LONG_POLL },
];

/** Does a service's own path belong to what the edge shows of it? */
export const isExposed = (upstream: Upstream, path: string): boolean =>
  ROUTES.some((route) => route.upstream === upstream && (path === route.prefix || path.startsWith(`${route.prefix}/`)));
