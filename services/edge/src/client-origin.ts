import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { ConfigError } from '@evergreen/service-kit/config.ts';

/** Where a request comes from, as far as the edge knows it for sure. */
export interface ClientOrigin {
  /** An IP address. */
  address: string;
  overHttps: boolean;
}

export type FindOrigin = (request: Pick<IncomingMessage, 'socket' | 'headers'>) => ClientOrigin;

/**
 * Tells where requests come from: the other end of the connection, unless that is one of the named proxies, which are believed
 * when they say whom they speak for. With none named, nobody is.
 * @param proxies addresses or networks, as in `10.0.0.0/8`, that stand in front of the edge
 * @throws ConfigError for what is neither
 */
export function originFinder(proxies: readonly string[]): FindOrigin {
  const trusted = networks(proxies);
  const isTrusted = (address: string): boolean => trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  return ({ socket, headers }) => {
    const peer = plain(socket.remoteAddress ?? '');
    if (!isTrusted(peer)) return { address: peer, overHttps: false };
    // Each proxy adds whom it heard it from at the end, so the first from there that is no proxy of ours is the client. What
    // stands before it is what the client says of itself.
    const said = String(headers['x-forwarded-for'] ?? '').split(',');
    let address = peer;
    for (const entry of said.reverse()) {
      const named = plain(withoutPort(entry.trim()));
      // Beyond what cannot be read nothing is believed: a client may have said it.
      if (isIP(named) === 0) break;
      address = named;
      if (!isTrusted(named)) break;
    }
    const protocols = String(headers['x-forwarded-proto'] ?? '').split(',');
    return { address, overHttps: protocols.at(-1)?.trim() === 'https' };
  };
}

/** Some proxies write 203.0.113.9:51234, or [2001:db8::1]:51234. */
const withoutPort = (entry: string): string =>
  /^\[([^\]]+)\](?::\d+)?$/.exec(entry)?.[1] ?? entry.replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1');

/** IPv4 in the clothes of IPv6, as a server that listens on both sees it. */
const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, '');

function networks(names: readonly string[]): BlockList {
  const list = new BlockList();
  for (const name of names) {
    const [address = '', prefix] = name.split('/');
    const version = isIP(address);
    const bits = prefix === undefined ? (version === 6 ? 128 : 32) : Number(prefix);
    if (version === 0 || !Number.isInteger(bits) || bits < 1 || bits > (version === 6 ? 128 : 32)) {
      throw new ConfigError('FRONT_PROXIES must be IP addresses or networks such as 10.0.0.0/8, separated by commas');
    }
    list.addSubnet(address, bits, version === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}
