import { readConfig, SERVICE_CONFIG } from '@evergreen/service-kit/config.ts';
import { limitSetting, parseLimit } from '@evergreen/service-kit/rate-limit.ts';
import { Type } from 'typebox';

/** @throws ConfigError that names what is missing or wrong */
export function readSubscriptionsConfig(env?: NodeJS.ProcessEnv) {
  const config = readConfig(
    {
      ...SERVICE_CONFIG,
      SIMULATED_CLOCK: Type.Boolean({ default: false }),
      SERVICE_TOKEN: Type.String({ minLength: 16, description: 'a secret of at least 16 characters' }),
      ACTIVITY_URLS: Type.String({
        default: '',
        pattern: '^(https?://[^\\s,]+(,https?://[^\\s,]+)*)?$',
        description: 'a comma-separated list of http:// or https:// URLs',
      }),
      OWN_URL: Type.Optional(Type.String({ pattern: '^https?://', description: 'an http:// or https:// URL' })),
      SETTLE_TIMEOUT_MS: Type.Integer({ default: 30_000, minimum: 100, maximum: 600_000 }),
      COMMAND_LIMIT_PER_ACCOUNT: limitSetting('60/10m'),
    },
    env,
  );
  return {
    ...config,
    ACTIVITY_URLS: config.ACTIVITY_URLS.split(',').filter((url) => url !== ''),
    commandLimit: parseLimit('subscription_commands', config.COMMAND_LIMIT_PER_ACCOUNT),
  };
}

export type SubscriptionsConfig = ReturnType<typeof readSubscriptionsConfig>;
