import { ConfigError } from '@evergreen/service-kit/config.ts';
import { expect, test } from '@jest/globals';
import { readNotifierConfig } from '../src/config.ts';

const ENOUGH = {
  DATABASE_URL: 'postgres://localhost/notifier',
  AMQP_URL: 'amqp://localhost',
  PORT: '3005',
  AUTH_JWKS_URL: 'http://localhost:3001/.well-known/jwks.json',
  ALLOWED_ORIGINS: 'https://app.example.com, http://localhost:8080',
};

test('origins are a list, and the clock is real unless said otherwise', () => {
  const config = readNotifierConfig(ENOUGH);
  expect([...config.ALLOWED_ORIGINS]).toEqual(['https://app.example.com', 'http://localhost:8080']);
  expect(config.SIMULATED_CLOCK).toBe(false);
});

test.each(['', '*', 'app.example.com', 'https://app.example.com/', 'https://a.example.com https://b.example.com'])(
  'origins that could never match, or match all, stop it at start: "%s"',
  (origins) => {
    const read = () => readNotifierConfig({ ...ENOUGH, ALLOWED_ORIGINS: origins });
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(/ALLOWED_ORIGINS/);
  },
);
