import { Password } from '@evergreen/contracts/http/auth.ts';
import { ConfigError, readConfig, SERVICE_CONFIG } from '@evergreen/service-kit/config.ts';
import { limitSetting, ProxiesSetting, parseLimit, parseProxies } from '@evergreen/service-kit/rate-limit.ts';
import { Type } from 'typebox';

// auth checks tokens with the keys it holds itself.
const { AUTH_JWKS_URL: _, ...COMMON } = SERVICE_CONFIG;

/** The first operator's account. */
export const OPERATOR_CONFIG = {
  OPERATOR_EMAIL: Type.String({ pattern: '^[^@\\s]+@[^@\\s]+$', maxLength: 254, description: 'an email address' }),
  OPERATOR_PASSWORD: Type.String({ ...Password, description: 'a password of 8 to 128 characters' }),
};

export const KEY_CONFIG = {
  KEY_ROTATION_DAYS: Type.Integer({ minimum: 1, maximum: 365, default: 30 }),
  // Services keep the JWKS for 300 s, a cache on the way may for as long again, and a replica reads the keys every 10 s.
  KEY_PUBLISHED_AHEAD_SECONDS: Type.Integer({ minimum: 610, maximum: 86_400, default: 900 }),
};

const LIMITS = {
  LOGIN_LIMIT_PER_DEVICE: limitSetting('10/15m'),
  LOGIN_LIMIT_PER_ACCOUNT_AND_ADDRESS: limitSetting('10/15m'),
  LOGIN_LIMIT_PER_ADDRESS: limitSetting('100/15m'),
  LOGIN_LIMIT_PER_ACCOUNT: limitSetting('100/15m'),
  PASSWORD_CHECK_LIMIT: limitSetting('600/15m'),
  REGISTER_LIMIT_PER_ADDRESS: limitSetting('100/1h'),
  REFRESH_LIMIT_PER_ACCOUNT: limitSetting('300/15m'),
  REFRESH_LIMIT_PER_ADDRESS: limitSetting('300/15m'),
  PASSWORD_LIMIT_PER_ACCOUNT: limitSetting('10/15m'),
  PROFILE_LIMIT_PER_ACCOUNT: limitSetting('30/10m'),
};

const CONFIG = {
  ...COMMON,
  ...KEY_CONFIG,
  ...LIMITS,
  OPERATOR_EMAIL: Type.Optional(OPERATOR_CONFIG.OPERATOR_EMAIL),
  OPERATOR_PASSWORD: Type.Optional(OPERATOR_CONFIG.OPERATOR_PASSWORD),
  COOKIE_SECURE: Type.Optional(Type.Boolean({ description: 'true or false' })),
  TRUSTED_PROXIES: ProxiesSetting,
  HASHING_CONCURRENCY: Type.Integer({ minimum: 1, maximum: 64, default: 4 }),
  HASHING_QUEUE: Type.Integer({ minimum: 0, maximum: 10_000, default: 64 }),
  HASHING_PER_ADDRESS: Type.Integer({ minimum: 1, maximum: 10_000, default: 16 }),
};

export type Config = ReturnType<typeof readAuthConfig>;

/** @throws ConfigError that names every setting that is missing or wrong */
export function readAuthConfig(env: NodeJS.ProcessEnv = process.env) {
  const config = readConfig(CONFIG, env);
  const { OPERATOR_EMAIL: email, OPERATOR_PASSWORD: password } = config;
  if ((email === undefined) !== (password === undefined)) {
    throw new ConfigError('OPERATOR_EMAIL and OPERATOR_PASSWORD belong together');
  }
  // Loopback alone says little in production, where a proxy on the same machine is what the world reaches.
  const secure = config.NODE_ENV === 'production' || !isLoopback(config.HOST);
  return {
    ...config,
    COOKIE_SECURE: config.COOKIE_SECURE ?? secure,
    TRUSTED_PROXIES: parseProxies(config.TRUSTED_PROXIES),
    limits: limitsOf(config),
    operator: email !== undefined && password !== undefined ? { email, password } : undefined,
  };
}

const limitsOf = (config: Record<keyof typeof LIMITS, string>) => ({
  loginPerDevice: parseLimit('login_device', config.LOGIN_LIMIT_PER_DEVICE),
  loginPerAccountAndAddress: parseLimit('login_account_address', config.LOGIN_LIMIT_PER_ACCOUNT_AND_ADDRESS),
  loginPerAddress: parseLimit('login_address', config.LOGIN_LIMIT_PER_ADDRESS),
  loginPerAccount: parseLimit('login_account', config.LOGIN_LIMIT_PER_ACCOUNT),
  passwordChecks: parseLimit('password_check', config.PASSWORD_CHECK_LIMIT),
  registerPerAddress: parseLimit('register_address', config.REGISTER_LIMIT_PER_ADDRESS),
  refreshPerAccount: parseLimit('refresh_account', config.REFRESH_LIMIT_PER_ACCOUNT),
  refreshPerAddress: parseLimit('refresh_address', config.REFRESH_LIMIT_PER_ADDRESS),
  passwordPerAccount: parseLimit('password_account', config.PASSWORD_LIMIT_PER_ACCOUNT),
  profilePerAccount: parseLimit('profile_account', config.PROFILE_LIMIT_PER_ACCOUNT),
});

export type AuthLimits = ReturnType<typeof limitsOf>;

// Safari drops Secure cookies on http://localhost, where developers work.
const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || host.startsWith('127.');
