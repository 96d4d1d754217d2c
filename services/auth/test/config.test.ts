import { expect, test } from '@jest/globals';
import { readAuthConfig } from '../src/config.ts';

const ENOUGH = {
  DATABASE_URL: 'postgres://localhost/auth',
  AMQP_URL: 'amqp://localhost',
  PORT: '3001',
};

test.each([
  [{}, true],
  [{ NODE_ENV: 'production', HOST: '127.0.0.1' }, true],
  [{ NODE_ENV: 'production', HOST: '0.0.0.0' }, true],
  [{ NODE_ENV: 'development', HOST: '0.0.0.0' }, true],
  [{ NODE_ENV: 'development', HOST: 'localhost' }, false],
  [{ NODE_ENV: 'development', HOST: '127.0.0.1' }, false],
  [{ NODE_ENV: 'test', HOST: '::1' }, false],
  [{ NODE_ENV: 'development', COOKIE_SECURE: 'true' }, true],
  [{ NODE_ENV: 'production', COOKIE_SECURE: 'false' }, false],
])('with %j the cookie is Secure: %s', (settings, secure) => {
  expect(readAuthConfig({ ...ENOUGH, ...settings }).COOKIE_SECURE).toBe(secure);
});
