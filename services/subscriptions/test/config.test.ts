import { describe, expect, test } from '@jest/globals';
import { readSubscriptionsConfig } from '../src/config.ts';

const ENV = {
  PORT: '3000',
  DATABASE_URL: 'postgres://subscriptions@localhost/subscriptions',
  AMQP_URL: 'amqp://localhost',
  AUTH_JWKS_URL: 'http://auth:3000/.well-known/jwks.json',
  SERVICE_TOKEN: 'service-token-of-the-tests',
};

describe('the configuration', () => {
  test('is real time and waits for nobody by default', () => {
    expect(readSubscriptionsConfig(ENV)).toMatchObject({
      SIMULATED_CLOCK: false,
      ACTIVITY_URLS: [],
      SETTLE_TIMEOUT_MS: 30_000,
    });
  });

  test('takes a list of services', () => {
    const ACTIVITY_URLS = 'http://wallet:3000,http://notifier:3000';
    expect(readSubscriptionsConfig({ ...ENV, ACTIVITY_URLS }).ACTIVITY_URLS).toEqual([
      'http://wallet:3000',
      'http://notifier:3000',
    ]);
  });

  test.each([
    ['ACTIVITY_URLS', 'wallet:3000'],
    ['SETTLE_TIMEOUT_MS', '0'],
    ['SIMULATED_CLOCK', 'perhaps'],
  ])('is refused with the name of what is wrong: %s', (name, value) => {
    expect(() => readSubscriptionsConfig({ ...ENV, [name]: value })).toThrow(new RegExp(name));
  });
});
