import { readConfig, SERVICE_CONFIG } from '@evergreen/service-kit/config.ts';
import { type Static, type TObject, Type } from 'typebox';

const ORIGIN = 'https?://[^,/\\s]+';

const NOTIFIER_CONFIG = {
  ...SERVICE_CONFIG,
  ALLOWED_ORIGINS: Type.String({
    pattern: `^${ORIGIN}(\\s*,\\s*${ORIGIN})*$`,
    description: 'origins of web pages that may connect, such as https://app.example.com, separated by commas',
  }),
  SIMULATED_CLOCK: Type.Boolean({ default: false }),
};

export type NotifierConfig = Omit<Static<TObject<typeof NOTIFIER_CONFIG>>, 'ALLOWED_ORIGINS'> & {
  /** Compared letter for letter with the Origin header of a browser. */
  ALLOWED_ORIGINS: ReadonlySet<string>;
};

/** @throws ConfigError that names every setting that is missing or wrong */
export function readNotifierConfig(env: NodeJS.ProcessEnv = process.env): NotifierConfig {
  const config = readConfig(NOTIFIER_CONFIG, env);
  return { ...config, ALLOWED_ORIGINS: new Set(config.ALLOWED_ORIGINS.split(',').map((origin) => origin.trim())) };
}
