import { readConfig, SERVICE_CONFIG } from '@evergreen/service-kit/config.ts';
import { Type } from 'typebox';

/** @throws ConfigError in one line that names what is missing or wrong */
export const loadConfig = (env?: NodeJS.ProcessEnv) =>
  readConfig(
    {
      ...SERVICE_CONFIG,
      GATEWAY_API_KEY: Type.String({ minLength: 16, description: 'a secret of at least 16 characters' }),
    },
    env,
  );
