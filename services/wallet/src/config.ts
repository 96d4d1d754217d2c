import { readConfig, SERVICE_CONFIG } from '@evergreen/service-kit/config.ts';
import { Type } from 'typebox';

/** @throws ConfigError that names what is missing or wrong */
export const readWalletConfig = (env?: NodeJS.ProcessEnv) =>
  readConfig(
    {
      ...SERVICE_CONFIG,
      GATEWAY_URL: Type.String({ pattern: '^https?://', description: 'an http:// or https:// URL' }),
      GATEWAY_API_KEY: Type.String({ minLength: 16, description: 'a secret of at least 16 characters' }),
      SIMULATED_CLOCK: Type.Boolean({ default: false }),
    },
    env,
  );
