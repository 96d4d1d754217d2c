import { COMMON_CONFIG, readConfig } from '@evergreen/service-kit/config.ts';
import { Type } from 'typebox';
import type { Upstream } from './route-table.ts';

const ServiceUrl = Type.String({
  pattern: '^https?://[^/]+/?$',
  description: 'an http:// or https:// URL without a path',
});

const CONFIG = {
  ...COMMON_CONFIG,
  AUTH_URL: ServiceUrl,
  WALLET_URL: ServiceUrl,
  SUBSCRIPTIONS_URL: ServiceUrl,
  GATEWAY_URL: ServiceUrl,
  NOTIFIER_URL: ServiceUrl,
  METRICS_PORT: Type.Optional(Type.Integer({ minimum: 0, maximum: 65_535 })),
};

export type Upstreams = Record<Upstream, URL>;

/** @throws ConfigError that names every setting that is missing or wrong */
export function readEdgeConfig(env: NodeJS.ProcessEnv = process.env) {
  const config = readConfig(CONFIG, env);
  const upstreams: Upstreams = {
    auth: new URL(config.AUTH_URL),
    wallet: new URL(config.WALLET_URL),
    subscriptions: new URL(config.SUBSCRIPTIONS_URL),
    gateway: new URL(config.GATEWAY_URL),
    notifier: new URL(config.NOTIFIER_URL),
  };
  return { ...config, upstreams };
}
