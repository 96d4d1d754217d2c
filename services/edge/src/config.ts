import { COMMON_CONFIG, readConfig } from '@evergreen/service-kit/config.ts';
import { Type } from 'typebox';
import { originFinder } from './client-origin.ts';
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
  FRONT_PROXIES: Type.String({ default: '' }),
  WEB_ROOT: Type.Optional(Type.String({ minLength: 1, description: 'the folder with the built web app' })),
  DEMO_SIGN_IN: Type.Boolean({ default: false }),
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
  const frontProxies = config.FRONT_PROXIES.split(',').flatMap((name) => name.trim() || []);
  // Refuses what is no address.
  originFinder(frontProxies);
  return { ...config, upstreams, frontProxies };
}
