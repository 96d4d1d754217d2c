import { Readable } from 'node:stream';

/*
 * Server-sent events (WHATWG HTML, section 9.2) as a stream to answer with. It holds one event back at most, besides the last
 * one: what nobody has taken yet is told by the next event as well, so an event that finds another waiting is dropped.
 *
 *   open -> open     an event, or a comment line when there was none for a while
 *        -> ended    the last event
 *        -> gone     the client hung up
 */

/** A proxy that hears nothing for long ends the connection. */
const HEARTBEAT_MS = 5_000;

export interface EventStream {
  readable: Readable;
  /** Aborts when the client hangs up. */
  gone: AbortSignal;
  /** Says something that a later event makes superfluous: it is dropped while the client has not taken the one before. */
  offer(event: string, data: unknown): void;
  /** Says the last thing, and ends. */
  end(event: string, data: unknown): void;
}

export function openEventStream(): EventStream {
  const gone = new AbortController();
  const readable = new Readable({ read: () => undefined });
  const push = (text: string) => {
    if (!readable.destroyed && readable.readableLength === 0) readable.push(text);
  };
  const heartbeat = setInterval(() => push(': still at it\n\n'), HEARTBEAT_MS);
  let isEnded = false;
  // A client that hangs up may do so with an error, which is none of ours.
  readable.on('error', () => undefined);
  readable.on('close', () => {
    clearInterval(heartbeat);
    if (!isEnded) gone.abort();
  });
  return {
    readable,
    gone: gone.signal,
    offer: (event, data) => push(eventText(event, data)),
    end(event, data) {
      isEnded = true;
      clearInterval(heartbeat);
      if (readable.destroyed) return;
      readable.push(eventText(event, data));
      readable.push(null);
    },
  };
}

/** JSON has no line breaks, so one line of data is enough. */
const eventText = (event: string, data: unknown): string => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
