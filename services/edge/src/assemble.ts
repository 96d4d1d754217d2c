import { STATUS_CODES } from 'node:http';
import { exampleOf, type JsonSchema } from './example.ts';
import { nameSchemas } from './name-schemas.ts';
import { isExposed, UPSTREAMS, type Upstream } from './route-table.ts';

interface Example {
  summary?: string;
  value: unknown;
}

export interface Media {
  schema: JsonSchema;
  example?: unknown;
  examples?: Record<string, Example | { $ref: string }>;
}

export interface Operation {
  operationId: string;
  summary?: string;
  tags?: string[];
  /** What a caller may show to get in, any one of these; nothing, or an empty one among them, is for everyone. */
  security?: Record<string, string[]>[];
  'x-required-role'?: 'operator';
  parameters?: { name: string; in: string; required?: boolean; schema: JsonSchema }[];
  requestBody?: { required?: boolean; content: Record<string, Media> };
  responses: Record<string, { description: string; content?: Record<string, Media> }>;
}

export type Paths = Record<string, Record<string, Operation>>;

/** OpenAPI 3.1. */
export interface ApiDocument {
  openapi: '3.1.0';
  info: { title: string; version: string; description: string; license: { name: string; identifier: string } };
  servers: { url: string }[];
  tags: { name: string; description?: string }[];
  paths: Paths;
  components: {
    schemas: Record<string, JsonSchema>;
    examples: Record<string, Example>;
    securitySchemes: Record<string, unknown>;
  };
}

const DESCRIPTION = `Subscriptions on a prepaid balance. Log in with \`POST /v1/auth/login\`, and send the access token as
\`Authorization: Bearer <token>\`.

Every error is a problem (RFC 9457) with a \`code\` to switch on. A POST that moves money or creates something takes an
\`Idempotency-Key\`: repeated with the same key it happens once, and answers the same. Amounts are whole minor units (cents).`;

const TAGS: Record<string, string> = {
  auth: 'Accounts, sessions and the keys of access tokens',
  wallet: 'The balance of the caller: top-ups, the statement, saved payment methods',
  plans: 'What is sold',
  subscriptions: 'What the caller has, what became of it, and what comes next',
  notifications: 'The inbox of the caller; new ones are pushed over socket.io',
  operator: 'For operators alone: wallets and subscriptions of users, the scheduler, figures',
  clock: 'The billing clock, which operators may turn where it is simulated',
  'Gateway faults': 'How unreliable the fake payment provider is',
  'Payment methods': 'The test cards of the fake payment provider',
};

const SECURITY_SCHEMES = {
  accessToken: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'From logging in; lasts 10 minutes',
  },
  refreshCookie: {
    type: 'apiKey',
    in: 'cookie',
    name: '__Host-evergreen_refresh',
    description:
      'Set on logging in; without the prefix where there is no https. Clients without cookies send the token in the body',
  },
};
/** What @fastify/swagger calls an answer that its schema says nothing of. */
const UNNAMED = 'Default Response';
/** They know the session by its refresh token, in the cookie or in the body. */
const BY_REFRESH_TOKEN = ['/v1/auth/refresh', '/v1/auth/logout'];

/** One document of the parts: only paths that the edge passes on, in the order of the services. */
export function assemble(parts: ReadonlyMap<Upstream, Paths>): ApiDocument {
  const exposed = UPSTREAMS.flatMap((upstream) =>
    Object.entries(parts.get(upstream) ?? {}).filter(([path]) => isExposed(upstream, path)),
  );
  const examples: Record<string, Example> = {};
  const { document: paths, schemas } = nameSchemas(Object.fromEntries(exposed));
  for (const [path, methods] of Object.entries(paths)) {
    for (const operation of Object.values(methods)) {
      if (BY_REFRESH_TOKEN.includes(path)) operation.security = [{ refreshCookie: [] }, {}];
      addExamples(operation, schemas);
      for (const [status, response] of Object.entries(operation.responses)) {
        if (response.description === UNNAMED) response.description = STATUS_CODES[status] ?? status;
        shareExamples(response, examples);
      }
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Evergreen',
      version: '1',
      description: DESCRIPTION,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: tagsOf(paths),
    paths,
    components: { schemas, examples, securitySchemes: SECURITY_SCHEMES },
  };
}

function addExamples({ requestBody, responses }: Operation, schemas: Record<string, JsonSchema>): void {
  const contents = [requestBody?.content, ...Object.values(responses ?? {}).map(({ content }) => content)];
  for (const media of contents.flatMap((content) => content?.['application/json'] ?? [])) {
    if (media.schema && !media.examples) media.example ??= exampleOf(media.schema, schemas);
  }
}

/** Every route names the same problems, so they are written once. */
function shareExamples({ content = {} }: Operation['responses'][string], shared: Record<string, Example>): void {
  for (const media of Object.values(content)) {
    for (const [name, example] of Object.entries(media.examples ?? {})) {
      if (!('value' in example)) continue;
      shared[name] = example;
      media.examples = { ...media.examples, [name]: { $ref: `#/components/examples/${name}` } };
    }
  }
}

function tagsOf(paths: Paths): ApiDocument['tags'] {
  const used = new Set(
    Object.values(paths).flatMap((methods) => Object.values(methods).flatMap(({ tags }) => tags ?? [])),
  );
  const known = Object.keys(TAGS).filter((name) => used.has(name));
  const others = [...used].filter((name) => !(name in TAGS)).sort();
  return [...known, ...others].map((name) => ({ name, ...(TAGS[name] && { description: TAGS[name] }) }));
}
