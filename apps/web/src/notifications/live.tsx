import type { paths } from '@evergreen/client/generated/api.ts';
import { notifications as toasts } from '@mantine/notifications';
import { useQueryClient } from '@tanstack/react-query';
import { createContext, type ReactNode, use, useEffect, useRef, useState } from 'react';
import { io, type Socket } from 'socket.io-client';
import { useSession, useSignedIn } from '../session.tsx';
import { toastOf } from './toast.tsx';

type Page = paths['/v1/notifications']['get']['responses'][200]['content']['application/json'];
export type Notification = Page['data'][number];

/** What the server says to operators that watch the flow of events. */
export interface FlowBatch {
  events: {
    id: string;
    type: string;
    source: string;
    subject: string;
    time: string;
    kind: 'published' | 'retried' | 'dead';
    queue?: string;
    consumers: string[];
    attempt?: number;
  }[];
  leftOut: number;
}

interface ServerEvents {
  notification: (notification: Notification) => void;
  'notifications:read': (which: { ids: string[] } | { all: true }) => void;
  'unread-count': (count: { unreadCount: number }) => void;
  changed: (what: { what: 'wallet' | 'subscription' }) => void;
  'event-flow': (batch: FlowBatch) => void;
}

export type LiveSocket = Socket<ServerEvents, Record<string, (...args: unknown[]) => void>>;

const LiveContext = createContext<LiveSocket | undefined>(undefined);
/** The page's one socket, once there is one. */
export const useLiveSocket = (): LiveSocket | undefined => use(LiveContext);

/** Hints come in bursts, as when the billing clock is moved; pages read again at most this often. */
const READ_AGAIN_MS = 250;
const RETRY_MS = 5_000;
const MAX_RETRY_MS = 60_000;

/**
 * Keeps the pages up to date for as long as somebody is signed in: new notifications, marks of other tabs, and hints of what to
 * read again. When the connection comes back, the server tells what was missed since the last notification seen.
 */
export function LiveProvider({ children }: { children: ReactNode }) {
  const queryClient = useQueryClient();
  const { restore } = useSession();
  const signedIn = useSignedIn();
  const [live, setLive] = useState<LiveSocket>();
  const session = useRef({ ...signedIn, restore });
  useEffect(() => {
    session.current = { ...signedIn, restore };
  }, [signedIn, restore]);

  useEffect(() => {
    const stale = new Set<string>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let retry: ReturnType<typeof setTimeout> | undefined;
    let newestId: string | undefined;
    let shown: string | undefined;
    let pauseMs = RETRY_MS;
    const readAgain = (key: string) => {
      stale.add(key);
      timer ??= setTimeout(() => {
        timer = undefined;
        for (const one of stale) void queryClient.invalidateQueries({ queryKey: [one] });
        stale.clear();
      }, READ_AGAIN_MS);
    };

    const socket: LiveSocket = io({
      auth: (answer) => {
        shown = session.current.token();
        answer({ token: shown, ...(newestId && { lastNotificationId: newestId }) });
      },
      transports: ['websocket', 'polling'],
      tryAllTransports: true,
    });
    setLive(socket);
    socket.on('connect', () => {
      pauseMs = RETRY_MS;
      // What changed while nobody listened has left no hint.
      for (const key of ['notifications', 'unread-count', 'wallet', 'subscriptions']) readAgain(key);
    });
    socket.on('notification', (notification) => {
      if (!newestId || notification.id > newestId) newestId = notification.id;
      readAgain('notifications');
      if (notification.readAt === null && document.visibilityState === 'visible') toasts.show(toastOf(notification));
    });
    socket.on('notifications:read', (which) => {
      readAgain('notifications');
      if ('all' in which) toasts.clean();
      else for (const id of which.ids) toasts.hide(id);
    });
    socket.on('unread-count', (count) => queryClient.setQueryData(['unread-count'], count));
    socket.on('changed', ({ what }) => readAgain(what === 'wallet' ? 'wallet' : 'subscriptions'));
    // The server closes a socket whose token has run out; there usually is a newer one by then. After anything else it comes back by itself.
    const signInAgain = async () => {
      if (session.current.token() === shown) await session.current.restore();
      if (!socket.connected) socket.connect();
    };
    socket.on('disconnect', (reason) => {
      if (reason === 'io server disconnect') void signInAgain();
    });
    socket.on('connect_error', (error: Error & { data?: { code?: string } }) => {
      if (socket.active) return;
      // Only a token that is refused asks for another one; whoever is refused for other reasons comes back later and later.
      const again = error.data?.code === 'unauthenticated' ? signInAgain : () => socket.connect();
      retry = setTimeout(() => void again(), pauseMs * (0.5 + Math.random() / 2));
      pauseMs = Math.min(pauseMs * 2, MAX_RETRY_MS);
    });
    return () => {
      clearTimeout(timer);
      clearTimeout(retry);
      socket.close();
    };
  }, [queryClient]);
  return <LiveContext value={live}>{children}</LiveContext>;
}
