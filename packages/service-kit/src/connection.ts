import { type ChannelModel, connect } from 'amqplib';
import type { Logger } from 'pino';
import { endOf, fullJitterMs, rest, within } from './backoff.ts';
import { brokerNodes, placesOf } from './broker-nodes.ts';
import { messageOf } from './error-message.ts';

/*
 * A connection that is always there, or on its way back.
 *
 *   opening -> open -> lost -> opening -> open ...      and from each of them, once: closed
 *
 * "Open" means that `prepare` has finished: topology found, channels open, consumers started. Whatever ends one
 * of its channels ends the whole connection, so there is one way back, and it is walked often enough to work.
 */

const HEARTBEAT_S = 10;
const CONNECT_TIMEOUT_MS = 10_000;
const PREPARE_TIMEOUT_MS = 60_000;
/** Where another node may be asked instead: one may take connections, and hang over what it is asked next. */
const PREPARE_AT_ONE_OF_SEVERAL_MS = 15_000;
const CLOSE_TIMEOUT_MS = 2_000;
const BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 10_000;
/** A connection that was open for less counts as one more failure, so an error in every session is no hot loop. */
const STABLE_AFTER_MS = 10_000;

/** Says why a connection is of no more use: it is closed, and a new one opened. */
export type Lose = (reason: Error) => void;

export interface Session {
  connection: ChannelModel;
  lose: Lose;
}

export interface KeptConnection {
  /** The connection at this moment, open or being prepared; undefined while there is none. */
  current(): Session | undefined;
  isOpen(): boolean;
  /** The broker is short of memory or disk, and takes no messages on this connection. */
  isBlocked(): boolean;
  close(): Promise<void>;
}

interface Options {
  /** One node, or several of a cluster, as broker-nodes.ts has it. */
  url: string;
  /** How the connection is called in the broker's management. */
  name: string;
  logger: Logger;
  /** Bound of the first connect, in milliseconds, but each node is tried once; later ones are tried for ever. */
  firstConnectMs: number;
  /** Makes a new connection useful. It runs on every one of them. */
  prepare: (session: Session) => Promise<void>;
}

interface OpenedSession extends Session {
  lost: Promise<Error>;
}

/**
 * Connects, and connects again whenever the connection is lost, until closed.
 * @throws Error with host and reason, when the first connect did not succeed within `firstConnectMs`, with each node tried
 */
export async function keepConnected({ url, name, logger, firstConnectMs, prepare }: Options): Promise<KeptConnection> {
  const stopping = new AbortController();
  let session: OpenedSession | undefined;
  let isOpen = false;
  let isBlocked = false;
  let failures = 0;
  const nodes = brokerNodes(url);
  const prepareTimeoutMs = nodes.length > 1 ? PREPARE_AT_ONE_OF_SEVERAL_MS : PREPARE_TIMEOUT_MS;
  let at = Math.floor(Math.random() * nodes.length);
  const node = (): string => nodes[at % nodes.length] ?? url;

  async function open(): Promise<OpenedSession> {
    const opened = await openSession(node(), name);
    session = opened;
    opened.connection.on('blocked', (reason) => {
      isBlocked = true;
      logger.warn({ connection: name, reason }, 'the broker takes no messages for now');
    });
    opened.connection.on('unblocked', () => {
      isBlocked = false;
      logger.info({ connection: name }, 'the broker takes messages again');
    });
    try {
      if (stopping.signal.aborted) throw new Error('closed');
      const lost = opened.lost.then((reason) => Promise.reject(reason));
      await within(prepareTimeoutMs, Promise.race([prepare(opened), lost]));
    } catch (error) {
      await abandon();
      throw error;
    }
    isOpen = true;
    return opened;
  }

  async function abandon(): Promise<void> {
    const connection = session?.connection;
    session = undefined;
    isOpen = false;
    isBlocked = false;
    if (connection) await closeQuietly(connection);
  }

  async function openWithRetries(giveUpAt: number): Promise<OpenedSession | undefined> {
    for (let tries = 1; !stopping.signal.aborted; tries++) {
      try {
        return await open();
      } catch (error) {
        const reason = messageOf(error);
        const place = placesOf([node()]);
        at++;
        if (performance.now() >= giveUpAt && tries >= nodes.length)
          throw new Error(`RabbitMQ at ${placesOf(nodes)} cannot be used: ${reason}`);
        // The other nodes first: they are there for this moment.
        const delayMs = tries % nodes.length === 0 ? fullJitterMs(++failures, BACKOFF_MS, MAX_BACKOFF_MS) : 0;
        logger.warn(
          { connection: name, node: place, reason, failures, delayMs },
          'cannot connect to the broker, trying again',
        );
        await rest(Math.min(delayMs, Math.max(0, giveUpAt - performance.now())), stopping.signal);
      }
    }
    return undefined;
  }

  async function keepOpen(first: OpenedSession | undefined): Promise<void> {
    for (let live = first; live; ) {
      const openedAt = performance.now();
      const reason = await live.lost;
      await abandon();
      if (stopping.signal.aborted) return;
      logger.warn(
        { connection: name, node: placesOf([node()]), reason: reason.message },
        'connection to the broker lost',
      );
      at++;
      if (performance.now() - openedAt > STABLE_AFTER_MS) failures = 0;
      await rest(fullJitterMs(++failures, BACKOFF_MS, MAX_BACKOFF_MS), stopping.signal);
      live = await openWithRetries(Number.POSITIVE_INFINITY);
      if (live) logger.info({ connection: name, node: placesOf([node()]) }, 'connected to the broker again');
    }
  }

  const kept = keepOpen(await openWithRetries(performance.now() + firstConnectMs));
  return {
    current: () => session,
    isOpen: () => isOpen,
    isBlocked: () => isBlocked,
    close: async () => {
      stopping.abort();
      session?.lose(new Error('closed'));
      await endOf(kept, CLOSE_TIMEOUT_MS + 1_000);
    },
  };
}

async function openSession(url: string, name: string): Promise<OpenedSession> {
  const address = new URL(url);
  address.searchParams.set('heartbeat', String(HEARTBEAT_S));
  const connection = await connect(address.href, {
    timeout: CONNECT_TIMEOUT_MS,
    noDelay: true,
    keepAlive: true,
    clientProperties: { connection_name: name },
  }).catch((error: unknown) => {
    // So the client says when the broker ends a connection over its virtual host.
    if (!messageOf(error).startsWith('Expected ConnectionOpenOk')) throw error;
    throw new Error('there is no such virtual host, or this user may not use it', { cause: error });
  });
  const { promise: lost, resolve: lose } = Promise.withResolvers<Error>();
  // An error is always followed by a close; without a listener it would end the process.
  connection.on('error', lose);
  connection.on('close', (error) => lose(error ?? new Error('closed')));
  return { connection, lost, lose };
}

/** Says goodbye if the other side still listens. A dead socket is left to its heartbeat, which ends it. */
const closeQuietly = (connection: ChannelModel): Promise<void> =>
  endOf((async () => connection.close())(), CLOSE_TIMEOUT_MS);
