import { type ChannelModel, connect } from 'amqplib';

/*
 * AMQP_URL names one node of a cluster or several: complete URLs, separated by commas. Each is a URL that any other tool takes as it is,
 * nodes may differ in port, and one setting holds all there is to know. A comma in a password is written %2C.
 */

const CONNECT_TIMEOUT_MS = 10_000;
const NODE = 'amqps?://[^\\s,]+';

/** For settings that name nodes. */
export const BROKER_NODES = {
  pattern: `^${NODE}(\\s*,\\s*${NODE})*$`,
  description: 'an amqp:// URL, or those of several nodes of one cluster, separated by commas',
};

/** The URL of each node, in the order in which they are named. */
export const brokerNodes = (urls: string): string[] => urls.split(',').map((url) => url.trim());

/** The same nodes, each of whose URLs has been changed in the same way, such as to another virtual host. */
export function changeEachNode(urls: string, change: (url: URL) => void): string {
  const changed = brokerNodes(urls).map((node) => {
    const url = new URL(node);
    change(url);
    return url.href;
  });
  return changed.join(',');
}

/** Where the nodes are, without user and password. */
export const placesOf = (urls: readonly string[]): string =>
  urls
    .map((url) => {
      const { protocol, host, pathname } = new URL(url);
      return `${protocol}//${host}${pathname}`;
    })
    .join(', ');

/**
 * Connects once, to the first node that answers within 10 s; for whoever has something to do and goes.
 * @throws Error of the last node when none does
 */
export async function connectToAny(urls: string): Promise<ChannelModel> {
  const [node = '', ...others] = brokerNodes(urls);
  try {
    return await connect(node, { timeout: CONNECT_TIMEOUT_MS });
  } catch (error) {
    if (others.length === 0) throw error;
    return connectToAny(others.join(','));
  }
}
