import { EVENT_EXCHANGE } from '@evergreen/contracts/topology.ts';
import {
  type Attributes,
  type Context,
  context,
  createContextKey,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';

/*
 * Spans at the few places every request and every event passes. They say what was done, how long it took and whether it worked;
 * never what was in a body, a query or a header, nor an error's message, which may repeat a value.
 *
 * Where no endpoint is named nothing here does anything: each function asks one boolean and goes on.
 */

let isOn = false;
const tracer = trace.getTracer('evergreen');

export const isTracing = (): boolean => isOn;

/** For telemetry.ts alone, once there is somebody to export to. */
export function switchTracing(on: boolean): void {
  isOn = on;
}

const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Reads a traceparent (W3C Trace Context, section 3.2). What is malformed is as good as none. */
export function readTraceparent(given: unknown): SpanContext | undefined {
  const [, version, traceId, spanId, flags = '', more] = (typeof given === 'string' && TRACEPARENT.exec(given)) || [];
  if (!traceId || !spanId || (version === '00' && more !== undefined)) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
}

const traceparentOf = ({ traceId, spanId, traceFlags }: SpanContext): string =>
  `00-${traceId}-${spanId}-0${traceFlags & 1}`;

/** Whose child a span becomes that came about by a message or a request with this traceparent. */
export function parentFrom(given: unknown): Context {
  const parent = readTraceparent(given);
  return parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT;
}

/** The header with which a request takes the trace along; none outside of any. */
export function traceHeaders(): { traceparent?: string } {
  const span = isOn ? trace.getActiveSpan() : undefined;
  return span ? { traceparent: traceparentOf(span.spanContext()) } : {};
}

/** For each line of the log, under the names OpenTelemetry has for them. */
export function traceFields(span = isOn ? trace.getActiveSpan() : undefined): { trace_id?: string; span_id?: string } {
  if (!span) return {};
  const { traceId, spanId } = span.spanContext();
  return { trace_id: traceId, span_id: spanId };
}

export interface SpanOptions {
  kind?: SpanKind;
  attributes?: Attributes;
  links?: { context: SpanContext }[];
  /** Milliseconds since 1970; now if left out. */
  startTime?: number;
}

/** Notes that it did not work, by the kind of error alone. */
export function failSpan(span: Span, error: unknown): void {
  const { code, name } = Object(error) as { code?: unknown; name?: unknown };
  span.setAttribute('error.type', String(typeof error === 'string' ? error : (code ?? name ?? 'Error')));
  span.setStatus({ code: SpanStatusCode.ERROR });
}

/** Runs `work` as a step of what is being traced; outside of any trace it just runs. */
export async function asStep<T>(name: string, options: SpanOptions, work: (span?: Span) => Promise<T>): Promise<T> {
  if (!isOn || !trace.getActiveSpan()) return work();
  const span = tracer.startSpan(name, options);
  return untilEnd(
    () => context.with(trace.setSpan(context.active(), span), () => work(span)),
    () => [span],
  );
}

/** Ends the spans of work as the work ended. */
async function untilEnd<T>(work: () => Promise<T>, spansOf: () => Iterable<Span>): Promise<T> {
  let failure: { error: unknown } | undefined;
  try {
    return await work();
  } catch (error) {
    failure = { error };
    throw error;
  } finally {
    for (const span of spansOf()) {
      if (failure) failSpan(span, failure.error);
      span.end();
    }
  }
}

/** Notes that an event has been pushed to open sockets, in the trace it came with. */
export function notePush(name: string, startTime: number, traceparent: string | undefined): void {
  if (!isOn || traceparent === undefined) return;
  const attributes = {
    'messaging.system': 'socket.io',
    'messaging.operation.name': 'push',
    'messaging.operation.type': 'send',
  };
  tracer.startSpan(name, { kind: SpanKind.PRODUCER, attributes, startTime }, parentFrom(traceparent)).end();
}

/** A transaction in a trace. Whose database it is follows from the service's name. */
export const TRANSACTION_SPAN: SpanOptions = {
  kind: SpanKind.CLIENT,
  attributes: { 'db.system.name': 'postgresql', 'db.operation.name': 'transaction' },
};

/**
 * `fetch`, as a step of what is being traced, which the other side goes on with.
 * @param template the path with names in place of values, such as /payments/{id}/refunds
 */
export function tracedFetch(template: string, url: string | URL, init: RequestInit = {}): Promise<Response> {
  const { method = 'GET' } = init;
  const { hostname, port } = new URL(url);
  const attributes: Attributes = {
    'http.request.method': method,
    'url.template': template,
    'server.address': hostname,
    ...(port && { 'server.port': Number(port) }),
  };
  return asStep(`${method} ${template}`, { kind: SpanKind.CLIENT, attributes }, async (span) => {
    const headers = { ...(init.headers as Record<string, string>), ...traceHeaders() };
    const response = await fetch(url, { ...init, headers });
    span?.setAttribute('http.response.status_code', response.status);
    if (response.status >= 400) span && failSpan(span, String(response.status));
    return response;
  });
}

/*
 * Work that is done together and belongs to many traces, such as 200 messages in one transaction. Each part has a span in its
 * own trace; the work they share has one of its own, with a link to each of them. Of one part alone it is simply a child.
 */

/** The spans of the parts, by the id of what began each: a message, or a story that begins here. */
const PARTS = createContextKey('evergreen.parts');
type Parts = Map<string, Span>;

/** Where an event belongs: to what caused it, else to what began its story, else to what is being done. */
export function traceparentFor(ids: readonly (string | undefined)[]): string | undefined {
  if (!isOn) return undefined;
  const parts = context.active().getValue(PARTS) as Parts | undefined;
  const beginning = ids.find((id) => id !== undefined && parts?.has(id));
  const span = (beginning !== undefined && parts?.get(beginning)) || trace.getActiveSpan();
  return span && traceparentOf(span.spanContext());
}

/** Starts the span of the work that parts share. */
function sharedSpan(name: string, parts: Parts, options: SpanOptions): Span {
  const spans = [...parts.values()];
  const [only] = spans;
  if (spans.length === 1 && only) return tracer.startSpan(name, options, trace.setSpan(ROOT_CONTEXT, only));
  const links = spans.map((span) => ({ context: span.spanContext() }));
  return tracer.startSpan(name, { ...options, links, root: true }, ROOT_CONTEXT);
}

/** A message, as its span tells of it. */
export interface TracedMessage {
  id: string;
  /** As in evergreen.subscriptions.RenewalDue.v1. */
  type: string;
  correlationid: string;
  traceparent?: string | undefined;
}

const shortName = (type: string): string => type.split('.').at(-2) ?? type;

const messaging = (operation: 'process' | 'send', destination: string): Attributes => ({
  'messaging.system': 'rabbitmq',
  'messaging.operation.name': operation,
  'messaging.operation.type': operation,
  'messaging.destination.name': destination,
});

/** Runs `work`, which handles messages of a queue together; events that it makes go on with the trace of their cause. */
export function inMessageSpans<T>(
  queue: string,
  messages: readonly TracedMessage[],
  work: () => Promise<T>,
): Promise<T> {
  if (!isOn) return work();
  const parts: Parts = new Map();
  for (const { id, type, correlationid, traceparent } of messages) {
    const attributes = {
      ...messaging('process', queue),
      'messaging.rabbitmq.destination.routing_key': type,
      'messaging.message.id': id,
      'messaging.message.conversation_id': correlationid,
    };
    parts.set(
      id,
      tracer.startSpan(`process ${shortName(type)}`, { kind: SpanKind.CONSUMER, attributes }, parentFrom(traceparent)),
    );
  }
  const [only] = parts.values();
  const isBatch = parts.size > 1 || !only;
  const attributes = { ...messaging('process', queue), 'messaging.batch.message_count': parts.size };
  const active = isBatch ? sharedSpan(`process ${queue}`, parts, { kind: SpanKind.CONSUMER, attributes }) : only;
  const within = trace.setSpan(ROOT_CONTEXT.setValue(PARTS, parts), active);
  return untilEnd(
    () => context.with(within, work),
    () => new Set([active, ...parts.values()]),
  );
}

/**
 * Notes that events are being sent, each in the trace it was made in.
 * @returns what ends that; it takes why events were refused, by id
 */
export function startSending(events: readonly { messageId: string; type: string; body: string }[]) {
  if (!isOn) return () => {};
  const spans = events.flatMap(({ messageId, type, body }) => {
    const { traceparent } = JSON.parse(body) as { traceparent?: string };
    const attributes = {
      ...messaging('send', EVENT_EXCHANGE),
      'messaging.rabbitmq.destination.routing_key': type,
      'messaging.message.id': messageId,
    };
    const options = { kind: SpanKind.PRODUCER, attributes };
    return traceparent
      ? [{ messageId, span: tracer.startSpan(`send ${shortName(type)}`, options, parentFrom(traceparent)) }]
      : [];
  });
  return (refused: ReadonlyMap<string, string>): void => {
    for (const { messageId, span } of spans) {
      const refusal = refused.get(messageId);
      if (refusal !== undefined) failSpan(span, refusal);
      span.end();
    }
  };
}

/** Says which stories begin here, in place of those said before: a transaction may be tried again. */
export type BeginStories = (stories: readonly { id: string; name: string; attributes?: Attributes }[]) => void;

/**
 * Runs `work` that finds out on its way what there is to do, as a sweep does, in one transaction. Each story it begins is a trace
 * of its own; where it begins none, there is no trace.
 */
export function inOwnTraces<T>(
  name: string,
  options: SpanOptions,
  work: (begin: BeginStories) => Promise<T>,
): Promise<T> {
  if (!isOn) return work(() => {});
  const startTime = Date.now();
  const parts: Parts = new Map();
  const begin: BeginStories = (stories) => {
    parts.clear();
    for (const { id, name: story, attributes = {} } of stories) {
      parts.set(id, tracer.startSpan(story, { startTime, attributes }, ROOT_CONTEXT));
    }
  };
  return untilEnd(
    () => context.with(ROOT_CONTEXT.setValue(PARTS, parts), () => work(begin)),
    () => (parts.size === 0 ? [] : [sharedSpan(name, parts, { ...options, startTime }), ...parts.values()]),
  );
}
