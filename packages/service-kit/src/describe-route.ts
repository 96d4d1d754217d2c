import { OPERATION_PROBLEMS } from '@evergreen/contracts/http/operation-problems.ts';
import { PROBLEMS, ProblemBody, type ProblemCode } from '@evergreen/contracts/problems.ts';
import type { FastifySchema, RouteOptions } from 'fastify';
import { problemBody } from './problem.ts';

/*
 * What the API document says of a route follows from what the route is: the hooks that let callers in, the schemas of what it
 * takes. So a new route is described whole, and none can say that it is open when it is not.
 */

/** What any route may answer with. The 503 is also the edge's word for a service that is away. */
const ANYWHERE: readonly ProblemCode[] = ['malformed_request', 'internal_error', 'service_unavailable'];
const WITH_BODY: readonly ProblemCode[] = ['payload_too_large', 'unsupported_media_type'];
const WITH_KEY: readonly ProblemCode[] = [
  'idempotency_key_missing',
  'idempotency_key_in_use',
  'idempotency_key_reused',
];
const SENDS_NO_BODY = ['GET', 'HEAD'];
const A_REQUEST_ID = '01936f4e-6c1a-7d3b-8a53-3f0c5f2b9d10';

type Schema = FastifySchema & { hide?: boolean; security?: unknown; response?: Record<string, unknown> };
type Route = Pick<RouteOptions, 'method' | 'onRequest'>;

/** For @fastify/swagger's `transform`: adds operation id, security, who may call it, and every problem it can answer with. */
export function describeRoute({ schema: given, url, route }: { schema?: unknown; url: string; route: Route }) {
  const schema = (given ?? {}) as Schema;
  if (schema.hide) return { schema, url };
  const method = methodOf(route);
  const operationId = operationIdOf(method, url);
  const access = accessOf(route);
  const codes = problemCodesOf({ method, url, schema, access, operationId });
  expectCodes(operationId, schema.response ?? {}, codes);
  return {
    url,
    schema: {
      ...schema,
      operationId,
      ...(access && { security: [{ [access === 'service' ? 'service' : 'accessToken']: [] }] }),
      ...(access === 'operator' && { 'x-required-role': 'operator' }),
      ...(takesKey(schema) && { headers: { ...(schema.headers as object), required: ['idempotency-key'] } }),
      response: { ...withoutProblems(schema.response ?? {}), ...problemResponses(codes) },
    },
  };
}

const methodOf = ({ method }: Route): string => (Array.isArray(method) ? (method[0] ?? 'GET') : method).toUpperCase();

/** GET /v1/wallet/top-ups/:id -> getWalletTopUpsById. It is as stable as the path. */
export function operationIdOf(method: string, url: string): string {
  const words = url
    .replace(/^\/v\d+/, '')
    .split('/')
    .flatMap((segment) => (segment.startsWith(':') ? ['by', segment.slice(1)] : segment.split(/[^A-Za-z0-9]+/)));
  const named = words.filter(Boolean).map((word) => word.charAt(0).toUpperCase() + word.slice(1));
  return method.toLowerCase() + named.join('');
}

type Access = 'user' | 'operator' | 'service' | undefined;

/** Who gets in, by the names of the hooks that `accessHooks` makes. */
function accessOf({ onRequest = [] }: Route): Access {
  const names = [onRequest].flat().map(({ name }) => name);
  if (names.includes('requireOperator')) return 'operator';
  if (names.includes('requireUser')) return 'user';
  return names.includes('requireService') ? 'service' : undefined;
}

const takesKey = ({ headers }: Schema): boolean =>
  'idempotency-key' in ((headers as { properties?: object } | undefined)?.properties ?? {});

interface Facts {
  method: string;
  url: string;
  schema: Schema;
  access: Access;
  operationId: string;
}

function problemCodesOf({ method, url, schema, access, operationId }: Facts): ProblemCode[] {
  const isChecked = schema.params ?? schema.querystring ?? schema.headers ?? schema.body;
  return [
    ...new Set([
      ...ANYWHERE,
      ...(isChecked ? (['validation_failed'] as const) : []),
      ...(access ? (['unauthenticated'] as const) : []),
      ...(access === 'operator' ? (['forbidden'] as const) : []),
      ...(url.includes('/:') ? (['not_found'] as const) : []),
      ...(SENDS_NO_BODY.includes(method) ? [] : WITH_BODY),
      ...(takesKey(schema) ? WITH_KEY : []),
      ...(OPERATION_PROBLEMS[operationId] ?? []),
    ]),
  ];
}

/** @throws Error when a route says that it may answer a status, and no code that it may give has that status */
function expectCodes(operationId: string, responses: Record<string, unknown>, codes: readonly ProblemCode[]): void {
  const statuses = codes.map((code) => String(PROBLEMS[code].status));
  const missing = Object.keys(responses).filter(
    (status) => responses[status] === ProblemBody && /^\d{3}$/.test(status) && !statuses.includes(status),
  );
  if (missing.length > 0) throw new Error(`${operationId} has no problem code for ${missing}: see OPERATION_PROBLEMS`);
}

/** Schemas say "4xx: ProblemBody", for whoever writes the answers; readers of the document are told which. */
const withoutProblems = (responses: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(responses).filter(([, schema]) => schema !== ProblemBody));

function problemResponses(codes: readonly ProblemCode[]): Record<string, unknown> {
  const byStatus = Map.groupBy(codes, (code) => PROBLEMS[code].status);
  const inOrder = [...byStatus].sort(([a], [b]) => a - b);
  return Object.fromEntries(inOrder.map(([status, ofStatus]) => [status, problemResponse(status, ofStatus)]));
}

function problemResponse(status: number, codes: ProblemCode[]) {
  const examples = codes.map((code) => [
    code,
    { summary: PROBLEMS[code].title, value: problemBody(code, { requestId: A_REQUEST_ID }) },
  ]);
  return {
    description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code].title}`).join('  \n'),
    ...([429, 503].includes(status) && {
      headers: { 'Retry-After': { type: 'integer', description: 'Seconds to wait; not always there' } },
    }),
    content: {
      'application/problem+json': {
        schema: { allOf: [ProblemBody, { type: 'object', properties: { code: { enum: codes } } }] },
        examples: Object.fromEntries(examples),
      },
    },
  };
}
