import type { IncomingMessage } from 'node:http';
import { expect, test } from '@jest/globals';
import { clientAddressFinder } from '../src/client-address.ts';

const request = (remoteAddress: string | undefined, forwardedFor?: string) =>
  ({
    socket: { remoteAddress },
    headers: forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor },
  }) as unknown as IncomingMessage;

test.each([
  ['nobody is trusted, so the connection counts', [], '127.0.0.1', '203.0.113.9', '127.0.0.1'],
  ['a proxy speaks for a client', ['loopback'], '127.0.0.1', '203.0.113.9', '203.0.113.9'],
  ['IPv4 in the clothes of IPv6 is the same', ['loopback'], '::ffff:127.0.0.1', '203.0.113.9', '203.0.113.9'],
  [
    'what a client says before the proxy is not believed',
    ['loopback'],
    '127.0.0.1',
    '1.1.1.1, 203.0.113.9',
    '203.0.113.9',
  ],
  ['a row of proxies', ['loopback', '10.0.0.0/8'], '127.0.0.1', '203.0.113.9, 10.1.2.3', '203.0.113.9'],
  ['a stranger that claims to be a proxy', ['10.0.0.0/8'], '192.0.2.1', '203.0.113.9', '192.0.2.1'],
  ['a proxy that says nothing', ['loopback'], '127.0.0.1', undefined, '127.0.0.1'],
  ['IPv6 counts by its network', ['loopback'], '127.0.0.1', '2001:db8:0:7::42', '2001:db8:0:7::/64'],
  ['a connection that is gone', [], undefined, undefined, 'gone'],
] as [string, string[], string | undefined, string | undefined, string][])(
  '%s',
  (_what, trusted, remoteAddress, forwardedFor, address) => {
    expect(clientAddressFinder(trusted)(request(remoteAddress, forwardedFor))).toBe(address);
  },
);
