import { useEffect, useRef, useState } from 'react';
import { io } from 'socket.io-client';
import type { SignedIn } from '../session.tsx';
import { useSignedIn } from '../session.tsx';

/** As the server tells it; `at` is when it was heard here. */
export interface FlowEvent {
  id: string;
  type: string;
  source: string;
  subject: string;
  time: string;
  kind: 'published' | 'retried' | 'dead';
  queue?: string;
  consumers: string[];
  attempt?: number;
}

export interface Heard extends FlowEvent {
  key: number;
  atMs: number;
}

interface Batch {
  events: FlowEvent[];
  leftOut: number;
}

const MAX_KEPT = 200;
const MAX_WAITING = 200;

interface State {
  /** Newest first. */
  events: Heard[];
  /** What was heard while the page was paused and is not shown yet. */
  waiting: number;
  leftOut: number;
}

const NOTHING: State = { events: [], waiting: 0, leftOut: 0 };

/** The events of the whole system as they happen; the last 200 are kept. While paused, what comes waits, up to 200 as well. */
export function useFlow(isPaused: boolean) {
  const session = useSignedIn();
  const [state, setState] = useState<State>(NOTHING);
  const [connection, setConnection] = useState<'connecting' | 'watching' | 'lost'>('connecting');
  const paused = useRef(isPaused);
  const held = useRef<Heard[]>([]);
  const token = useRef(session.token);
  token.current = session.token;

  useEffect(
    () =>
      watch(() => token.current(), {
        onConnection: setConnection,
        onEvents(heard, leftOut) {
          if (paused.current) held.current = [...heard, ...held.current].slice(0, MAX_WAITING);
          setState((before) => ({
            events: paused.current ? before.events : [...heard, ...before.events].slice(0, MAX_KEPT),
            waiting: paused.current ? held.current.length : 0,
            leftOut: before.leftOut + leftOut,
          }));
        },
      }),
    [],
  );

  useEffect(() => {
    paused.current = isPaused;
    if (isPaused || held.current.length === 0) return;
    const waited = held.current;
    held.current = [];
    setState((before) => ({ ...before, events: [...waited, ...before.events].slice(0, MAX_KEPT), waiting: 0 }));
  }, [isPaused]);

  const clear = () => {
    held.current = [];
    setState(NOTHING);
  };
  return { ...state, connection, clear };
}

interface Listeners {
  onConnection: (state: 'watching' | 'lost') => void;
  onEvents: (heard: Heard[], leftOut: number) => void;
}

let heardSoFar = 0;

/** A socket of the page's own, which asks for the flow each time it connects. */
function watch(token: SignedIn['token'], { onConnection, onEvents }: Listeners): () => void {
  const socket = io({ auth: (give) => give({ token: token() }), transports: ['websocket'] });
  socket.on('connect', () => {
    socket.emit('flow:watch', (answer: { watching?: true }) => onConnection(answer.watching ? 'watching' : 'lost'));
  });
  socket.on('disconnect', (reason) => {
    onConnection('lost');
    // The server ends a socket when its token does; there is a new one by then.
    if (reason === 'io server disconnect') socket.connect();
  });
  socket.on('connect_error', () => onConnection('lost'));
  socket.on('event-flow', ({ events, leftOut }: Batch) => {
    const atMs = performance.now();
    onEvents(events.map((event) => ({ ...event, key: ++heardSoFar, atMs })).reverse(), leftOut);
  });
  return () => {
    socket.emit('flow:unwatch');
    socket.close();
  };
}
