import { Ajv, type ErrorObject } from 'ajv';
import { type Static, type TObject, type TProperties, Type } from 'typebox';
import { BROKER_NODES } from './broker-nodes.ts';
import { SERVICE_CALLERS_PATTERN } from './service-callers.ts';

/** A configuration that cannot work. Its message is one line for the person who starts the service. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/** The settings every service has; spread into the service's own schema. */
export const COMMON_CONFIG = {
  NODE_ENV: Type.Enum(['development', 'test', 'production'], { default: 'production' }),
  LOG_LEVEL: Type.Enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], { default: 'info' }),
  LOG_FORMAT: Type.Enum(['json', 'pretty'], { default: 'json' }),
  HOST: Type.String({ default: '127.0.0.1', minLength: 1 }),
  PORT: Type.Integer({ minimum: 0, maximum: 65_535 }),
};

/** For services with a database, events, and routes that need a token. */
export const SERVICE_CONFIG = {
  ...COMMON_CONFIG,
  DATABASE_URL: Type.String({ pattern: '^postgres(ql)?://', description: 'a postgres:// URL' }),
  DATABASE_POOL_SIZE: Type.Integer({ minimum: 2, maximum: 200, default: 10 }),
  AMQP_URL: Type.String(BROKER_NODES),
  AUTH_JWKS_URL: Type.String({ pattern: '^https?://', description: 'an http:// or https:// URL' }),
  AUTH_ISSUER: Type.String({ default: 'evergreen', minLength: 1 }),
  SERVICE_CALLERS: Type.String({
    default: '',
    pattern: SERVICE_CALLERS_PATTERN,
    description: 'a comma-separated list of <service>:<SHA-256 of its token, in hexadecimal>',
  }),
};

/**
 * Reads the settings a schema names from the environment, once, at start. Text becomes numbers and booleans as the
 * schema says; an empty value counts as missing.
 * @throws ConfigError that names every setting that is missing or wrong, and never prints a value, which may be a secret
 */
export function readConfig<P extends TProperties>(
  properties: P,
  env: NodeJS.ProcessEnv = process.env,
): Static<TObject<P>> {
  const settings: Record<string, string> = {};
  for (const name of Object.keys(properties)) {
    const value = env[name]?.trim();
    if (value) settings[name] = value;
  }
  const ajv = new Ajv({ allErrors: true, coerceTypes: true, useDefaults: true, verbose: true });
  const validate = ajv.compile(Type.Object(properties));
  if (!validate(settings)) {
    throw new ConfigError((validate.errors ?? []).map(explain).join('; '));
  }
  return settings as Static<TObject<P>>;
}

function explain(error: ErrorObject): string {
  if (error.keyword === 'required') return `${error.params.missingProperty} is missing`;
  const name = error.instancePath.slice(1);
  const wanted = (error.parentSchema as { description?: string } | undefined)?.description;
  if (wanted) return `${name} must be ${wanted}`;
  if (error.keyword === 'enum') return `${name} must be one of ${error.params.allowedValues.join(', ')}`;
  return `${name} ${error.message}`;
}
