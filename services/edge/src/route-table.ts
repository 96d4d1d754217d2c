/** The services behind the edge. */
export const UPSTREAMS = ['auth', 'wallet', 'subscriptions', 'gateway', 'notifier'] as const;
export type Upstream = (typeof UPSTREAMS)[number];

export interface Route {
  /** Whole segments of a path: /v1/wallet covers /v1/wallet/top-ups, and not /v1/wallets. */
  prefix: string;
  upstream: Upstream;
  /** How long the service may take to answer. */
  timeoutMs: number;
  /** Requests that may be with the service at once; a connection each. Whoever comes on top of that gets a 503. */
  maxInFlight: number;
}

const ANSWER = { timeoutMs: 15_000, maxInFlight: 256 };
/** Advancing the billing clock answers when everything has settled. */
const SETTLE = { timeoutMs: 180_000, maxInFlight: 16 };
/** A long poll of socket.io rests until there is something to say, or until its next ping, 25 s by default. */
const LONG_POLL = { timeoutMs: 60_000, maxInFlight: 10_000 };

/** All that is reachable from outside. What is not here does not exist: /internal, /metrics, the provider's /payments. */
export const ROUTES: readonly Route[] = [
  { prefix: '/v1/auth', upstream: 'auth', ...ANSWER },
  { prefix: '/.well-known/jwks.json', upstream: 'auth', ...ANSWER },
  { prefix: '/v1/wallet', upstream: 'wallet', ...ANSWER },
  { prefix: '/v1/wallets', upstream: 'wallet', ...ANSWER },
  { prefix: '/v1/plans', upstream: 'subscriptions', ...ANSWER },
  { prefix: '/v1/subscriptions', upstream: 'subscriptions', ...ANSWER },
  { prefix: '/v1/entitlements', upstream: 'subscriptions', ...ANSWER },
  { prefix: '/v1/clock', upstream: 'subscriptions', ...SETTLE },
  { prefix: '/v1/gateway', upstream: 'gateway', ...ANSWER },
  { prefix: '/v1/notifications', upstream: 'notifier', ...ANSWER },
  { prefix: '/socket.io', upstream: 'notifier', ...LONG_POLL },
];

/** Does a service's own path belong to what the edge shows of it? */
export const isExposed = (upstream: Upstream, path: string): boolean =>
  ROUTES.some((route) => route.upstream === upstream && (path === route.prefix || path.startsWith(`${route.prefix}/`)));
