import type { IncomingMessage } from 'node:http';
import proxyAddr from '@fastify/proxy-addr';
import { addressOf } from './rate-limit.ts';

/**
 * Tells where requests come from that no Fastify app sees, by the same rules as buildHttp: the other end of the connection,
 * or what X-Forwarded-For says where that is a trusted proxy. The answer is an address as limits count it.
 * @param trustedProxies as `parseProxies` gives them
 */
export function clientAddressFinder(trustedProxies: readonly string[]): (request: IncomingMessage) => string {
  const isTrusted = proxyAddr.compile([...trustedProxies]);
  return (request) => addressOf({ ip: proxyAddr(request, isTrusted) });
}
