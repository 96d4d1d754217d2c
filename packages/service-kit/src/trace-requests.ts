import { type Context, context, ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { failSpan, isTracing, parentFrom, traceFields } from './tracing.ts';

const tracer = trace.getTracer('evergreen');

declare module 'fastify' {
  interface FastifyRequest {
    /** Holds the span of the request; undefined where it is not traced. */
    traceContext: Context | undefined;
  }
}

/** Asked again and again, by machines: a trace of each would bury all others. */
const isUntraced = (route: string | undefined): boolean =>
  route !== undefined && (route.startsWith('/health') || route === '/metrics' || route === '/internal/activity');

/**
 * A span for each request, as the semantic conventions for HTTP servers ask, without what may hold a secret: no path but the
 * route's, no query, no header.
 * @param trustCaller whether a request goes on with the trace it names; else it begins one of its own
 */
export function traceRequests(app: Pick<FastifyInstance, 'decorateRequest' | 'addHook'>, trustCaller: boolean): void {
  app.decorateRequest('traceContext');
  app.addHook('onRequest', (request, reply, done) => {
    const { method, routeOptions, headers } = request;
    const route = routeOptions.url;
    if (!isTracing() || isUntraced(route)) return done();
    const parent = trustCaller ? parentFrom(headers.traceparent) : ROOT_CONTEXT;
    const attributes = { 'http.request.method': method, 'url.scheme': 'http', ...(route && { 'http.route': route }) };
    const span = tracer.startSpan(route ? `${method} ${route}` : method, { kind: SpanKind.SERVER, attributes }, parent);
    request.traceContext = trace.setSpan(ROOT_CONTEXT, span);
    // Also when the client goes before the answer does.
    reply.raw.once('close', () => {
      span.setAttribute('http.response.status_code', reply.raw.statusCode);
      if (!reply.raw.writableFinished) failSpan(span, 'aborted');
      else if (reply.raw.statusCode >= 500) failSpan(span, String(reply.raw.statusCode));
      span.end();
    });
    context.with(request.traceContext, done);
  });
  // Reading a body leaves the context of the hooks before it.
  app.addHook('preValidation', (request, _reply, done) => {
    if (request.traceContext) context.with(request.traceContext, done);
    else done();
  });
}

/** For log lines written when the answer is out, where no context is left. */
export const traceFieldsOf = ({ traceContext }: FastifyRequest): ReturnType<typeof traceFields> =>
  traceContext ? traceFields(trace.getSpan(traceContext)) : {};
