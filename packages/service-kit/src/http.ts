import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, ServerOptions } from 'node:http';
import { PROBLEMS, type ProblemBody, type ProblemCode } from '@evergreen/contracts/problems.ts';
import swagger from '@fastify/swagger';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import { Histogram, type Registry } from 'prom-client';
import { Problem, problemBody } from './problem.ts';
import { compileForHttp, describeError } from './validation.ts';

/** Largest request body in bytes; no route needs more. */
export const MAX_BODY_BYTES = 65_536;
const READY_CHECK_TIMEOUT_MS = 2_000;
const REQUEST_ID = /^[A-Za-z0-9_-]{8,64}$/;

export interface HttpOptions {
  service: string;
  description: string;
  logger: FastifyBaseLogger;
  metrics: Registry;
  /** What must answer before traffic may come, by name: database, broker. */
  ready?: Record<string, () => Promise<void> | void>;
  /** False for an app that the public reaches: it has no /metrics, and no /openapi.json of its own. */
  internalRoutes?: boolean;
  /** Settings of Node's HTTP server. */
  server?: ServerOptions;
}

/**
 * A Fastify app, not listening, with what every service has: typed schemas, problem+json for every error, request ids,
 * /health/live, /health/ready, /metrics and /openapi.json. Routes are the caller's.
 */
export async function buildHttp(options: HttpOptions) {
  const app = Fastify({
    loggerInstance: options.logger,
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: 30_000,
    // observe() writes the one line per request that we want.
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: ({ headers }) => requestIdOf(headers),
    ...(options.server && { http: options.server }),
    frameworkErrors: (error, request, reply) => {
      answerError(error, request as FastifyRequest, reply as unknown as FastifyReply);
    },
    clientErrorHandler(error, socket) {
      if (error.code === 'ECONNRESET' || !socket.writable) return;
      const body = JSON.stringify(problemBody('malformed_request'));
      socket.end(
        `HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
      );
    },
  }).withTypeProvider<TypeBoxTypeProvider>();

  app.decorateRequest('caller');
  app.decorateRequest('resourceId');
  // Bodies are JSON. Fastify would also read plain text, and then call it an object of the wrong type.
  app.removeContentTypeParser('text/plain');
  app.setValidatorCompiler(compileForHttp as never);
  app.setErrorHandler<FastifyError>((error, request, reply) => answerError(error, request, reply));
  app.setNotFoundHandler((request, reply) => {
    sendProblem(request, reply, 'not_found', { detail: `${request.method} ${pathOf(request)} is not offered here` });
  });
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
  });
  observe(app, options.metrics);
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: `Evergreen ${options.service}`, description: options.description, version: '1' },
      components: {
        securitySchemes: {
          accessToken: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
          service: { type: 'http', scheme: 'bearer', description: 'Credential between services' },
        },
      },
    },
  });
  addOwnRoutes(app, options);
  return app;
}

export type HttpApp = Awaited<ReturnType<typeof buildHttp>>;

/** The id a request comes with, or a new one. A given one is taken over only when it cannot smuggle anything into a log line. */
export function requestIdOf(headers: IncomingHttpHeaders): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}

function addOwnRoutes(app: Pick<HttpApp, 'get' | 'swagger'>, options: HttpOptions): void {
  const { metrics, ready = {}, internalRoutes = true } = options;
  const hidden = { schema: { hide: true } };
  app.get('/health/live', hidden, async () => ({ status: 'ok' }));
  app.get('/health/ready', hidden, async (_request, reply) => {
    const checks: Record<string, string> = {};
    await Promise.all(
      Object.entries(ready).map(async ([name, check]) => {
        checks[name] = await within(READY_CHECK_TIMEOUT_MS, check).then(
          () => 'ok',
          () => 'down',
        );
      }),
    );
    const ok = Object.values(checks).every((state) => state === 'ok');
    return reply.code(ok ? 200 : 503).send({ status: ok ? 'ok' : 'unavailable', checks });
  });
  if (!internalRoutes) return;
  app.get('/metrics', hidden, async (_request, reply) => reply.type(metrics.contentType).send(await metrics.metrics()));
  app.get('/openapi.json', hidden, async () => app.swagger());
}

async function within(timeoutMs: number, work: () => Promise<void> | void): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer in ${timeoutMs} ms`)), timeoutMs);
  try {
    await Promise.race([work(), promise]);
  } finally {
    clearTimeout(timer);
  }
}

function observe(app: Pick<HttpApp, 'addHook'>, metrics: Registry): void {
  const seconds = new Histogram({
    name: 'http_request_seconds',
    help: 'Time from request to answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [metrics],
  });
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unknown';
    seconds.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000);
    if (route.startsWith('/health') || route === '/metrics') return;
    request.log.info(
      { method: request.method, path: pathOf(request), status: reply.statusCode, ms: Math.round(reply.elapsedTime) },
      'answered',
    );
  });
}

// The query string stays out of answers and logs: people put secrets there.
const pathOf = (request: FastifyRequest): string => request.url.split('?', 1)[0] ?? '/';

/** Answers with the problem of a code, from a place that cannot throw. */
export function sendProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  code: ProblemCode,
  more: Partial<ProblemBody> = {},
): void {
  reply
    .code(PROBLEMS[code].status)
    .type('application/problem+json')
    // Fastify refuses some requests before any hook has run.
    .header('x-request-id', request.id)
    .send(JSON.stringify(problemBody(code, { instance: pathOf(request), requestId: request.id, ...more })));
}

const FASTIFY_CODES: Record<string, ProblemCode> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_INVALID_JSON_BODY: 'malformed_request',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'malformed_request',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'malformed_request',
  FST_ERR_BAD_URL: 'malformed_request',
  FST_ERR_MAX_PARAM_LENGTH: 'not_found',
};

/** The one error handler: says what the caller can mend, logs everything, and hides what a 5xx was. */
function answerError(error: FastifyError | Problem, request: FastifyRequest, reply: FastifyReply): void {
  if (error instanceof Problem) {
    answerProblem(error, request, reply);
  } else if (error.validation) {
    const root = error.validationContext === 'querystring' ? 'query' : (error.validationContext ?? 'body');
    const errors = error.validation.map((one) => describeError(one, root));
    const detail = errors.map(({ field, message }) => `${field} ${message}`).join('; ');
    sendProblem(request, reply, 'validation_failed', { detail, errors });
  } else if (FASTIFY_CODES[error.code]) {
    sendProblem(request, reply, FASTIFY_CODES[error.code] as ProblemCode, { detail: error.message });
  } else if (error instanceof SyntaxError || error.statusCode === 400) {
    sendProblem(request, reply, 'malformed_request');
  } else {
    request.log.error({ err: error }, 'request failed');
    sendProblem(request, reply, 'internal_error');
  }
}

function answerProblem(problem: Problem, request: FastifyRequest, reply: FastifyReply): void {
  const { retryAfterSeconds, ...extras } = problem.extras;
  if (retryAfterSeconds !== undefined) reply.header('retry-after', retryAfterSeconds);
  if (problem.code === 'unauthenticated') reply.header('www-authenticate', 'Bearer');
  if (problem.status >= 500) request.log.error({ err: problem }, problem.message);
  sendProblem(request, reply, problem.code, { detail: problem.message, ...extras });
}
