import { readConfig, SERVICE_CONFIG } from '@evergreen/service-kit/config.ts';
import { Type } from 'typebox';

// auth checks tokens with the keys it holds itself.
const { AUTH_JWKS_URL: _, ...COMMON } = SERVICE_CONFIG;

const CONFIG = {
  ...COMMON,
  COOKIE_SECURE: Type.Optional(Type.Boolean({ description: 'true or false' })),
  HASHING_CONCURRENCY: Type.Integer({ minimum: 1, maximum: 64, default: 4 }),
  HASHING_QUEUE: Type.Integer({ minimum: 0, maximum: 10_000, default: 64 }),
};

export type Config = ReturnType<typeof readAuthConfig>;

/** @throws ConfigError that names every setting that is missing or wrong */
export function readAuthConfig(env: NodeJS.ProcessEnv = process.env) {
  const config = readConfig(CONFIG, env);
  // Loopback alone says little in production, where a proxy on the same machine is what the world reaches.
  const secure = config.NODE_ENV === 'production' || !isLoopback(config.HOST);
  return { ...config, COOKIE_SECURE: config.COOKIE_SECURE ?? secure };
}

// Safari drops Secure cookies on http://localhost, where developers work.
const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || host.startsWith('127.');
