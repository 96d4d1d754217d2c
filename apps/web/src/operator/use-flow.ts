import { useEffect, useRef, useState } from 'react';
import { type FlowBatch, type LiveSocket, useLiveSocket } from '../notifications/live.tsx';

type FlowEvent = FlowBatch['events'][number];

/** An event, and when it was heard here. */
export interface Heard extends FlowEvent {
  key: number;
  atMs: number;
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
  const socket = useLiveSocket();
  const [state, setState] = useState<State>(NOTHING);
  const [connection, setConnection] = useState<'connecting' | 'watching' | 'lost'>('connecting');
  const paused = useRef(isPaused);
  const held = useRef<Heard[]>([]);

  useEffect(() => {
    if (!socket) return;
    return watch(socket, {
      onConnection: setConnection,
      onEvents(heard, leftOut) {
        if (paused.current) held.current = [...heard, ...held.current].slice(0, MAX_WAITING);
        setState((before) => ({
          events: paused.current ? before.events : [...heard, ...before.events].slice(0, MAX_KEPT),
          waiting: paused.current ? held.current.length : 0,
          leftOut: before.leftOut + leftOut,
        }));
      },
    });
  }, [socket]);

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

/** Asks for the flow each time the socket connects, until called off. */
function watch(socket: LiveSocket, { onConnection, onEvents }: Listeners): () => void {
  const ask = () => {
    socket.emit('flow:watch', (answer: unknown) => {
      const isWatching = typeof answer === 'object' && answer !== null && 'watching' in answer;
      onConnection(isWatching ? 'watching' : 'lost');
    });
  };
  const onDisconnect = () => onConnection('lost');
  const onFlow = ({ events, leftOut }: FlowBatch) => {
    const atMs = performance.now();
    onEvents(events.map((event) => ({ ...event, key: ++heardSoFar, atMs })).reverse(), leftOut);
  };
  if (socket.connected) ask();
  socket.on('connect', ask);
  socket.on('disconnect', onDisconnect);
  socket.on('event-flow', onFlow);
  return () => {
    socket.off('connect', ask);
    socket.off('disconnect', onDisconnect);
    socket.off('event-flow', onFlow);
    if (socket.connected) socket.emit('flow:unwatch');
  };
}
