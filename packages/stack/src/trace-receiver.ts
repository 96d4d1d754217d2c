import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { awaitCondition } from './await-condition.ts';

/** A span as it was exported. */
export interface ReceivedSpan {
  service: string;
  traceId: string;
  spanId: string;
  /** Undefined where the trace begins. */
  parentSpanId: string | undefined;
  name: string;
  /** As OTLP counts: 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  kind: number;
  startMs: number;
  endMs: number;
  isFailed: boolean;
  attributes: Record<string, string | number | boolean>;
  /** The ids of the spans it is linked with. */
  links: string[];
}

export interface TraceReceiver {
  /** What OTEL_EXPORTER_OTLP_ENDPOINT is to be. */
  url: string;
  /** All spans that came so far. */
  spans(): readonly ReceivedSpan[];
  /** Waits until spans hold what is looked for, 20 s at most. */
  await<T>(what: string, find: (spans: readonly ReceivedSpan[]) => T | undefined): Promise<T>;
  close(): Promise<void>;
}

interface Attribute {
  key: string;
  value: { stringValue?: string; intValue?: number | string; doubleValue?: number; boolValue?: boolean };
}

interface OtlpSpan extends Pick<ReceivedSpan, 'traceId' | 'spanId' | 'name' | 'kind'> {
  parentSpanId?: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes?: Attribute[];
  links?: { spanId: string }[];
  status?: { code?: number };
}

interface OtlpTraces {
  resourceSpans: { resource: { attributes: Attribute[] }; scopeSpans: { spans: OtlpSpan[] }[] }[];
}

const STATUS_ERROR = 2;
const AWAIT_MS = 20_000;

/** The least there is of a trace collector: takes OTLP as JSON over HTTP on 127.0.0.1 and keeps all it hears in memory. */
export async function startTraceReceiver(): Promise<TraceReceiver> {
  const received: ReceivedSpan[] = [];
  const server = createServer((request, answer) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.url !== '/v1/traces') return void answer.writeHead(404).end();
      try {
        received.push(...spansOf(JSON.parse(Buffer.concat(chunks).toString()) as OtlpTraces));
        answer.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      } catch {
        answer.writeHead(400).end();
      }
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans: () => received,
    await: (what, find) => awaitCondition(async () => find(received), { what, timeoutMs: AWAIT_MS, intervalMs: 20 }),
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

const spansOf = ({ resourceSpans }: OtlpTraces): ReceivedSpan[] =>
  resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = String(valuesOf(resource.attributes)['service.name']);
    return scopeSpans.flatMap(({ spans }) => spans.map((span) => spanOf(service, span)));
  });

function spanOf(service: string, span: OtlpSpan): ReceivedSpan {
  const { traceId, spanId, name, kind, attributes = [], links = [] } = span;
  return {
    service,
    traceId,
    spanId,
    parentSpanId: span.parentSpanId || undefined,
    name,
    kind,
    startMs: millisecondsOf(span.startTimeUnixNano),
    endMs: millisecondsOf(span.endTimeUnixNano),
    isFailed: span.status?.code === STATUS_ERROR,
    attributes: valuesOf(attributes),
    links: links.map((link) => link.spanId),
  };
}

/** To a microsecond, which a double still holds. */
const millisecondsOf = (nanoseconds: string): number => Number(BigInt(nanoseconds) / 1_000n) / 1_000;

function valuesOf(attributes: Attribute[]): ReceivedSpan['attributes'] {
  return Object.fromEntries(
    attributes.map(({ key, value: { stringValue, intValue, doubleValue, boolValue } }) => [
      key,
      stringValue ?? boolValue ?? Number(intValue ?? doubleValue),
    ]),
  );
}
