import { awaitCondition } from '@evergreen/stack/await-condition.ts';
import { io, type ManagerOptions, type SocketOptions } from 'socket.io-client';

/** What a client was told, in the order it was told. */
export type Heard =
  | { name: 'notification'; id: string; type: string; title: string; body: string; data: { topUpId?: string } }
  | { name: 'notifications:read'; ids?: string[]; all?: true }
  | { name: 'unread-count'; unreadCount: number }
  | { name: 'changed'; what: string; id: string | null };

export interface Refusal {
  message: string;
  data?: { code: string; status: number };
  /** The HTTP status of a refused handshake. */
  context?: { status?: number; statusCode?: number };
  description?: { context?: { statusCode?: number } };
}

export type Client = ReturnType<typeof connectClient>;

/** A client of the push server that keeps all it hears. It reconnects only when told to, unless the options say so. */
export function connectClient(
  url: string,
  token: string | undefined,
  {
    lastNotificationId,
    auth,
    ...options
  }: Partial<ManagerOptions & SocketOptions> & { lastNotificationId?: string | undefined } = {},
) {
  const heard: Heard[] = [];
  const refusals: Refusal[] = [];
  const disconnects: string[] = [];
  const socket = io(url, {
    transports: ['websocket'],
    reconnection: false,
    forceNew: true,
    timeout: 5_000,
    auth: auth ?? { token, lastNotificationId },
    ...options,
  });
  socket.onAny((name, payload) => heard.push({ name, ...payload }));
  socket.on('connect_error', (error) => refusals.push(error as unknown as Refusal));
  socket.on('disconnect', (reason) => disconnects.push(reason));
  const until = <T>(what: string, probe: () => T | undefined) =>
    awaitCondition(async () => probe(), { what, timeoutMs: 10_000, intervalMs: 5 });

  const notifications = () => heard.filter((one) => one.name === 'notification');
  return {
    socket,
    heard,
    refusals,
    disconnects,
    notifications,
    of: <N extends Heard['name']>(name: N) => heard.filter((one): one is Heard & { name: N } => one.name === name),
    /** Admitted, and told where the mailbox stands. */
    ready: () => until('the client to be ready', () => heard.find(({ name }) => name === 'unread-count')),
    refused: () => until('the client to be refused', () => refusals[0]),
    disconnected: () => until('the client to be disconnected', () => disconnects[0]),
    /** Waits until the notification about a top-up has arrived. */
    told: (topUpId: string) =>
      until(`the notification about ${topUpId}`, () => notifications().find(({ data }) => data.topUpId === topUpId)),
    heardOf: <N extends Heard['name']>(name: N, matches: (one: Heard & { name: N }) => boolean) =>
      until(`the client to hear ${name}`, () =>
        heard.find((one): one is Heard & { name: N } => one.name === name && matches(one as Heard & { name: N })),
      ),
    close: () => socket.close(),
  };
}
