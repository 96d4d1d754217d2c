import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { type HttpApp, sendProblem } from '@evergreen/service-kit/http.ts';
import { addressOf, lineOf } from '@evergreen/service-kit/rate-limit.ts';
import httpProxy from '@fastify/http-proxy';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FindOrigin } from './client-origin.ts';
import { headersForClient, headersForService } from './headers.ts';
import { openPlaces, type Places } from './places.ts';
import { anyReplica, type Resolve, replicaOf } from './replicas.ts';
import type { Route } from './route-table.ts';

const CONNECT_TIMEOUT_MS = 2_000;
/** After so many the next one opens another connection, so that replicas which came later get their share. */
const MAX_REQUESTS_PER_CONNECTION = 100;
/** A JSON answer is read whole before a byte of it goes out. None of the services comes near this: lists have pages. */
const MAX_ANSWER_BYTES = 1_048_576;
/** An export of a million lines takes a minute. */
const MAX_EXPORT_MS = 600_000;
const RETRY_AFTER_SECONDS = 2;

/** What a service answered, as the proxy hands it over. */
interface ServiceAnswer {
  headers: IncomingHttpHeaders;
  stream: Readable;
}

/** Passes the requests of one row of the route table on to its service, with the path as it came. */
export async function proxyRoute(
  app: HttpApp,
  route: Route,
  { upstream, findOrigin, resolve }: { upstream: URL; findOrigin: FindOrigin; resolve: Resolve },
): Promise<void> {
  const { prefix, timeoutMs, maxSilenceMs } = route;
  const places = openPlaces(route);
  await app.register(async (scope) => {
    // The body is read here, up to the limit, and not by the service: a slow sender holds no connection behind the edge.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    await scope.register(httpProxy, {
      // Which replica it is says `getUpstream`.
      upstream: '',
      prefix,
      rewritePrefix: prefix,
      proxyPayloads: false,
      disableRequestLogging: true,
      destroyAgent: true,
      undici: {
        connections: route.inFlight.max + route.streams.max,
        connectTimeout: CONNECT_TIMEOUT_MS,
        connect: { lookup: anyReplica(resolve) },
        maxRequestsPerClient: MAX_REQUESTS_PER_CONNECTION,
        headersTimeout: timeoutMs,
        // From one piece of a stream to the next. An answer that is read whole has a time limit of its own.
        bodyTimeout: maxSilenceMs,
      },
      handler: async (request, reply, dest, options) => {
        const { address } = findOrigin(request.raw);
        if (!places.enter(request, lineOf(addressOf({ ip: address })))) {
          unavailable(request, reply, 'Too many requests of this kind are under way');
          return reply;
        }
        try {
          const origin = route.hasSessions ? await replicaOf(upstream, address, resolve) : upstream.origin;
          reply.from(dest, { ...options, ...bodyOf(request), getUpstream: () => origin });
          return reply;
        } catch (error) {
          // What the proxy refuses to pass on never comes to an answer that would give the place back.
          places.leave(request);
          throw error;
        }
      },
      replyOptions: {
        getUpstream: () => upstream.origin,
        // Only the client knows whether its request may be sent twice.
        retryDelay: () => null as unknown as number,
        rewriteRequestHeaders: ({ id: requestId, raw }, headers) =>
          headersForService(headers as IncomingHttpHeaders, {
            upstream: route.upstream,
            requestId,
            ...findOrigin(raw),
          }),
        rewriteHeaders: (headers, incoming) => {
          const request = incoming as FastifyRequest;
          // The proxy drops the answer to a client that has gone, and says nothing more of it.
          if (request.raw.aborted) places.leave(request);
          return headersForClient(headers as IncomingHttpHeaders);
        },
        onResponse: (incoming, reply, answer) => {
          const request = incoming as FastifyRequest;
          const sent = sendAnswer(request, reply as FastifyReply, answer as unknown as ServiceAnswer, {
            places,
            timeoutMs,
          });
          void sent.finally(() => places.leave(request));
        },
        onError: (reply) => {
          places.leave(reply.request as FastifyRequest);
          unavailable(reply.request as FastifyRequest, reply as FastifyReply);
        },
      },
    });
  });
}

function bodyOf({ body, headers }: FastifyRequest): { body?: unknown; contentType?: string } {
  if (body === undefined) return {};
  // RFC 9110 section 8.3 lets a receiver assume this of a body that says nothing of itself.
  return { body, contentType: headers['content-type'] ?? 'application/octet-stream' };
}

/** Exports have no length that anybody knows, so they are passed on as they come. */
const isExport = ({ 'content-type': type = '' }: IncomingHttpHeaders): boolean => type.startsWith('text/csv');

/** So are server-sent events, which are news only while they are new. */
const isEvents = ({ 'content-type': type = '' }: IncomingHttpHeaders): boolean => type.startsWith('text/event-stream');

async function sendAnswer(
  request: FastifyRequest,
  reply: FastifyReply,
  answer: ServiceAnswer,
  { places, timeoutMs }: { places: Places; timeoutMs: number },
): Promise<void> {
  if (!isExport(answer.headers) && !isEvents(answer.headers)) return sendWhole(request, reply, answer, timeoutMs);
  if (places.becomeStream(request)) return sendStream(request, reply, answer);
  answer.stream.destroy();
  withdraw(request, reply, answer.headers, 'Too many exports or streams of events are open');
}

/**
 * Passes a stream on piece by piece. It is over when it has ended, when its client has gone or was cut off for not reading, and
 * an export at the latest after MAX_EXPORT_MS, however slowly it is read; the service's request ends with it.
 */
async function sendStream(
  request: FastifyRequest,
  reply: FastifyReply,
  { headers, stream }: ServiceAnswer,
): Promise<void> {
  const tooSlow = () => stream.destroy(new Error(`it was not read within ${MAX_EXPORT_MS} ms`));
  const timer = isExport(headers) ? setTimeout(tooSlow, MAX_EXPORT_MS).unref() : undefined;
  reply.send(stream);
  // Who listens for events is told at once that the service has begun, and not only with the first of them.
  if (isEvents(headers)) reply.raw.flushHeaders();
  // Too late for a 503: Fastify cuts the connection, so that nobody takes a part for the whole.
  await finished(stream).catch((err: unknown) => request.log.warn({ err }, 'a stream was broken off'));
  clearTimeout(timer);
}

/**
 * Sends a service's answer on when all of it is there. So a service that dies on the way makes a clean 503 and not a torn
 * answer, and a client that does not read holds nothing of the service's.
 */
async function sendWhole(
  request: FastifyRequest,
  reply: FastifyReply,
  { headers, stream }: ServiceAnswer,
  timeoutMs: number,
): Promise<void> {
  try {
    reply.send(await readWhole(stream, timeoutMs));
  } catch (err) {
    request.log.warn({ err }, 'the service broke off its answer');
    withdraw(request, reply, headers);
  }
}

/** Says that there is no answer, where the headers of one stand already. */
function withdraw(request: FastifyRequest, reply: FastifyReply, headers: IncomingHttpHeaders, detail?: string): void {
  for (const name of Object.keys(headers)) reply.removeHeader(name);
  unavailable(request, reply, detail);
}

/** @throws Error when it breaks off, is longer than MAX_ANSWER_BYTES, or takes longer than `timeoutMs` */
async function readWhole(stream: Readable, timeoutMs: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const timer = setTimeout(() => stream.destroy(new Error(`it took longer than ${timeoutMs} ms`)), timeoutMs);
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MAX_ANSWER_BYTES) throw new Error(`it is longer than ${MAX_ANSWER_BYTES} bytes`);
      chunks.push(chunk);
    }
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks, bytes);
}

function unavailable(request: FastifyRequest, reply: FastifyReply, detail = 'It gave no answer'): void {
  reply.header('retry-after', RETRY_AFTER_SECONDS).header('x-request-id', request.id);
  sendProblem(request, reply, 'service_unavailable', {
    detail: `${detail}. Try again in a moment, with the same Idempotency-Key if there was one`,
  });
}
