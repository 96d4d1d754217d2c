import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, ServerOptions } from 'node:http';
import type { Socket } from 'node:net';
import { PROBLEMS, type ProblemBody, type ProblemCode } from '@evergreen/contracts/problems.ts';
import swagger, { type SwaggerTransform } from '@fastify/swagger';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import { Histogram, type Registry } from 'prom-client';
import { describeRoute } from './describe-route.ts';
import { Problem, problemBody } from './problem.ts';
import { traceFieldsOf, traceRequests } from './trace-requests.ts';
import { compileForHttp, describeError } from './validation.ts';

/** Largest request body in bytes; no route needs more. */
export const MAX_BODY_BYTES = 65_536;
const READY_CHECK_TIMEOUT_MS = 2_000;
/** How long an answer of /health/ready holds. Each may ask a database, a broker or other services, and anybody may ask. */
const READY_MAX_AGE_MS = 1_000;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** Between two looks for connections that have become idle while the app closes. */
const CLOSING_INTERVAL_MS = 50;
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
  /** False where strangers call: ids of requests and traces that they name themselves would stand in audit rows and in others' traces. */
  trustCallerIds?: boolean;
  /**
   * Addresses or networks, as in `10.0.0.0/8`, whose X-Forwarded-For is believed. From anybody else, and with none named, a
   * request comes from where its connection does.
   */
  trustedProxies?: readonly string[];
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
    genReqId: ({ headers }) => (options.trustCallerIds === false ? randomUUID() : requestIdOf(headers)),
    ...(options.trustedProxies?.length && { trustProxy: [...options.trustedProxies] }),
    ...(options.server && { http: options.server }),
    frameworkErrors: (error, request, reply) => {
      answerError(error, request as FastifyRequest, reply as unknown as FastifyReply);
    },
    clientErrorHandler(error, socket) {
      if (error.code === 'ECONNRESET') {
        socket.destroy();
        return;
      }
      const body = JSON.stringify(problemBody('malformed_request'));
      if (socket.writable) {
        socket.end(
          `HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
        );
      }
      // A client that never closes its side would otherwise keep the connection for ever.
      (socket as Socket).destroySoon();
    },
  }).withTypeProvider<TypeBoxTypeProvider>();

  app.decorateRequest('caller');
  app.decorateRequest('resourceId');
  // Bodies are JSON. Fastify would also read plain text, and then call it an object of the wrong type.
  app.removeContentTypeParser('text/plain');
  acceptEmptyJson(app);
  app.setValidatorCompiler(compileForHttp as never);
  app.setErrorHandler<FastifyError>((error, request, reply) => answerError(error, request, reply));
  app.setNotFoundHandler((request, reply) => {
    sendProblem(request, reply, 'not_found', { detail: `${request.method} ${pathOf(request)} is not offered here` });
  });
  traceRequests(app, options.trustCallerIds !== false);
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
  });
  endConnectionsOnClose(app);
  observe(app, options.metrics);
  await app.register(swagger, {
    transform: describeRoute as SwaggerTransform,
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

/** A preValidation hook of routes to which one has to say nothing: no body counts as an empty one. */
export async function allowNoBody(request: FastifyRequest): Promise<void> {
  request.body ??= {};
}

export type HttpApp = Awaited<ReturnType<typeof buildHttp>>;

/** Clients name the type of a body also where they send none, as to `pause`. A route that needs one says so by its schema. */
function acceptEmptyJson(
  app: Pick<HttpApp, 'addContentTypeParser' | 'removeContentTypeParser' | 'getDefaultJsonParser'>,
): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined);
    else parse(request, String(body), done);
  });
}

/** The id a request comes with, or a new one. A given one is taken over only when it cannot smuggle anything into a log line. */
function requestIdOf(headers: IncomingHttpHeaders): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}

function addOwnRoutes(app: Pick<HttpApp, 'get' | 'swagger'>, options: HttpOptions): void {
  const { metrics, ready = {}, internalRoutes = true } = options;
  const hidden = { schema: { hide: true } };
  app.get('/health/live', hidden, async () => ({ status: 'ok' }));
  let checking: ReturnType<typeof runChecks> | undefined;
  app.get('/health/ready', hidden, async (_request, reply) => {
    checking ??= runChecks(ready).finally(() => {
      setTimeout(() => {
        checking = undefined;
      }, READY_MAX_AGE_MS).unref();
    });
    const checks = await checking;
    const ok = Object.values(checks).every((state) => state === 'ok');
    return reply.code(ok ? 200 : 503).send({ status: ok ? 'ok' : 'unavailable', checks });
  });
  if (!internalRoutes) return;
  app.get('/metrics', hidden, async (_request, reply) => reply.type(metrics.contentType).send(await metrics.metrics()));
  app.get('/openapi.json', hidden, async () => app.swagger());
}

/** Makes all checks at once, and says of each whether it is `ok` or `down`. */
async function runChecks(ready: NonNullable<HttpOptions['ready']>): Promise<Record<string, string>> {
  const states = Object.entries(ready).map(async ([name, check]) => [
    name,
    await within(READY_CHECK_TIMEOUT_MS, check).then(
      () => 'ok',
      () => 'down',
    ),
  ]);
  return Object.fromEntries(await Promise.all(states));
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

/**
 * Closing ends the connections that are idle, and waits for all others. One that still had an answer to wait for is idle later on,
 * and its client, such as the edge, would keep it for a minute.
 */
function endConnectionsOnClose(app: Pick<HttpApp, 'addHook' | 'server'>): void {
  app.addHook('preClose', async () => {
    if (!app.server.listening) return;
    const timer = setInterval(() => app.server.closeIdleConnections(), CLOSING_INTERVAL_MS);
    app.server.once('close', () => clearInterval(timer));
  });
}

function observe(app: Pick<HttpApp, 'addHook'>, metrics: Registry): void {
  const seconds = new Histogram({
    name: 'evergreen_http_request_seconds',
    help: 'Time from request to answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [metrics],
  });
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unknown';
    seconds.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000);
    if (route.startsWith('/health') || route === '/metrics') return;
    const what = { method: request.method, path: loggedPathOf(request), status: reply.statusCode };
    request.log.info({ ...what, ms: Math.round(reply.elapsedTime), ...traceFieldsOf(request) }, 'answered');
  });
}

// The query string stays out of answers and logs: people put secrets there.
const pathOf = (request: FastifyRequest): string => request.url.split('?', 1)[0] ?? '/';

/** A path as its route has it, with ids: anything may stand where a value is expected, or where there is no route, also a token. */
function loggedPathOf({ routeOptions, params }: FastifyRequest): string {
  const { url: route = 'unknown' } = routeOptions;
  return route.replace(/:(\w+)/g, (placeholder, name: string) => {
    const value = String((params as Record<string, unknown> | undefined)?.[name]);
    return UUID.test(value) ? value : placeholder;
  });
}

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

/** What the 4xx of Fastify and its plugins become; one that is not here is a malformed request. */
const CODES_BY_STATUS: Record<number, ProblemCode> = {
  404: 'not_found',
  413: 'payload_too_large',
  // No id is as long as that.
  414: 'not_found',
  415: 'unsupported_media_type',
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
  } else if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) {
    // Fastify's own messages are fit for strangers, but for one that repeats the query. A plugin's may name a file.
    const isFit = error.code?.startsWith('FST_') && error.code !== 'FST_ERR_BAD_URL';
    const detail = isFit ? { detail: error.message } : {};
    sendProblem(request, reply, CODES_BY_STATUS[error.statusCode] ?? 'malformed_request', detail);
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
