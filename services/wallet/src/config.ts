import { readConfig, SERVICE_CONFIG } from '@evergreen/service-kit/config.ts';
import { limitSetting, ProxiesSetting, parseLimit, parseProxies } from '@evergreen/service-kit/rate-limit.ts';
import { Type } from 'typebox';

const CONFIG = {
  ...SERVICE_CONFIG,
  GATEWAY_URL: Type.String({ pattern: '^https?://', description: 'an http:// or https:// URL' }),
  GATEWAY_API_KEY: Type.String({ minLength: 16, description: 'a secret of at least 16 characters' }),
  SIMULATED_CLOCK: Type.Boolean({ default: false }),
  TRUSTED_PROXIES: ProxiesSetting,
  TOP_UP_LIMIT_PER_ACCOUNT: limitSetting('60/1h'),
  TOP_UP_LIMIT_PER_ADDRESS: limitSetting('600/1h'),
  SETTINGS_LIMIT_PER_ACCOUNT: limitSetting('60/10m'),
};

/** @throws ConfigError that names what is missing or wrong */
export function readWalletConfig(env?: NodeJS.ProcessEnv) {
  const config = readConfig(CONFIG, env);
  return {
    ...config,
    TRUSTED_PROXIES: parseProxies(config.TRUSTED_PROXIES),
    limits: {
      topUpsPerAccount: parseLimit('top_up_account', config.TOP_UP_LIMIT_PER_ACCOUNT),
      topUpsPerAddress: parseLimit('top_up_address', config.TOP_UP_LIMIT_PER_ADDRESS),
      settingsPerAccount: parseLimit('settings_account', config.SETTINGS_LIMIT_PER_ACCOUNT),
    },
  };
}
