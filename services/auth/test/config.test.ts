import { expect, test } from '@jest/globals';
import { readAuthConfig } from '../src/config.ts';
import { ENOUGH } from './rig.ts';

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

test('limits are read as so many in so long, and what is none stops the service', () => {
  const { limits } = readAuthConfig({ ...ENOUGH, LOGIN_LIMIT_PER_ADDRESS: '7/90s' });
  expect(limits.loginPerAddress).toMatchObject({ count: 7, windowMs: 90_000 });
  expect(limits.loginPerAccountAndAddress).toMatchObject({ count: 10, windowMs: 900_000 });
  expect(limits.registerPerAddress).toMatchObject({ count: 100, windowMs: 3_600_000 });
  for (const wrong of ['0/1h', '10', '10/1d', '-1/1m', '1e3/1m']) {
    expect(() => readAuthConfig({ ...ENOUGH, LOGIN_LIMIT_PER_ADDRESS: wrong })).toThrow(
      'LOGIN_LIMIT_PER_ADDRESS must be a limit such as 100/15m, in s, m or h',
    );
  }
});

test('proxies are named by address or network, and an operator by both settings', () => {
  const proxies = (TRUSTED_PROXIES: string) => readAuthConfig({ ...ENOUGH, TRUSTED_PROXIES }).TRUSTED_PROXIES;
  expect(proxies('')).toEqual([]);
  expect(proxies('loopback, 10.0.0.0/8,fd00::/8 , 192.0.2.7')).toEqual([
    'loopback',
    '10.0.0.0/8',
    'fd00::/8',
    '192.0.2.7',
  ]);
  for (const wrong of ['edge.internal', '10.0.0.0/33', '0.0.0.0/0', '10.0.0', 'true']) {
    expect(() => proxies(wrong)).toThrow('TRUSTED_PROXIES must be addresses or networks');
  }
  expect(() => readAuthConfig({ ...ENOUGH, OPERATOR_EMAIL: 'a@b.test' })).toThrow('belong together');
  expect(readAuthConfig(ENOUGH).operator).toBeUndefined();
});
