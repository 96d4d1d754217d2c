import { readConfig, SERVICE_CONFIG } from '@evergreen/service-kit/config.ts';
import { ProxiesSetting, parseProxies } from '@evergreen/service-kit/rate-limit.ts';
import { type Static, type TObject, Type } from 'typebox';

const ORIGIN = 'https?://[^,/\\s]+';

const NOTIFIER_CONFIG = {
  ...SERVICE_CONFIG,
  ALLOWED_ORIGINS: Type.String({
    pattern: `^${ORIGIN}(\\s*,\\s*${ORIGIN})*$`,
    description: 'origins of web pages that may connect, such as https://app.example.com, separated by commas',
  }),
  TRUSTED_PROXIES: ProxiesSetting,
  SIMULATED_CLOCK: Type.Boolean({ default: false }),
  KEEP_READ_DAYS: Type.Integer({ minimum: 1, maximum: 3_650, default: 90 }),
  KEEP_UNREAD_DAYS: Type.Integer({ minimum: 1, maximum: 3_650, default: 365 }),
};

export type NotifierConfig = Omit<Static<TObject<typeof NOTIFIER_CONFIG>>, 'ALLOWED_ORIGINS' | 'TRUSTED_PROXIES'> & {
  /** Compared letter for letter with the Origin header of a browser. */
  ALLOWED_ORIGINS: ReadonlySet<string>;
  /** Whose X-Forwarded-For is believed. */
  TRUSTED_PROXIES: readonly string[];
};

/** @throws ConfigError that names every setting that is missing or wrong */
export function readNotifierConfig(env: NodeJS.ProcessEnv = process.env): NotifierConfig {
  const config = readConfig(NOTIFIER_CONFIG, env);
  return {
    ...config,
    ALLOWED_ORIGINS: new Set(config.ALLOWED_ORIGINS.split(',').map((origin) => origin.trim())),
    TRUSTED_PROXIES: parseProxies(config.TRUSTED_PROXIES),
  };
}
