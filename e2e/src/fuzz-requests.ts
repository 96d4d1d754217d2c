import { exampleOf, type JsonSchema } from '@evergreen/edge/src/example.ts';
import fc from 'fast-check';
import type { Operation } from './api-document.ts';

/** One request as it goes onto the wire. */
export interface FuzzRequest {
  operation: Operation;
  /** With its query. */
  path: string;
  /** Whose token it shows. */
  as: 'nobody' | 'customer' | 'operator';
  headers: Record<string, string>;
  body: Buffer | undefined;
}

const A_UUID = '01936f4e-6c1a-7d3b-8a53-3f0c5f2b9d10';
const LONG = 3_000;

/** Strings that have broken programs: NUL, lone surrogates, format characters, SQL, paths, numbers that are none. */
const NASTY = [
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  '\ud800',
  '\udc00x',
  '\u202e\u200b\ufeff',
  '𝔘𝔫𝔦𝔠𝔬𝔡𝔢',
  "'; DROP TABLE account; --",
  '../../../../etc/passwd',
  '%00',
  '{{7*7}}',
  '%{jndi:ldap://x}',
  '<script>alert(1)</script>',
  '__proto__',
  'constructor',
  'NaN',
  '-0',
  '1e309',
  '0x10',
  '9007199254740993',
  '99999999999999999999999999',
  '2026-02-30T00:00:00.000Z',
  '2026-11-23T08:00:00.000+99:99',
  '+275760-09-13T00:00:00.000Z',
  '-271821-04-19T23:59:59.999Z',
  '0000-01-01T00:00:00.000Z',
  '9999-12-31T23:59:60.000Z',
  'P1Y2M3DT4H5M6.789S',
  'P',
  'x'.repeat(LONG),
];
const text = fc.oneof(fc.constantFrom(...NASTY), fc.string({ unit: 'binary', maxLength: 40 }), fc.constant(A_UUID));
const number = fc.oneof(
  fc.constantFrom(0, -0, -1, 1.5, 1e21, -1e21, 5e-324, 2 ** 31, 2 ** 53, -(2 ** 53), 2 ** 63, 1.7976931348623157e308),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const value: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 3, arbitrary: text },
  { weight: 2, arbitrary: number },
  fc.boolean(),
  fc.constantFrom(null, [], {}, [[]], [null], { toString: 1 }),
  fc.jsonValue({ maxDepth: 3 }),
);

/** Requests to one of the operations that are wrong in at least one way, and often right in all others. */
export function fuzzRequests(
  operations: readonly Operation[],
  schemas: Record<string, JsonSchema>,
  ids: readonly string[],
): fc.Arbitrary<FuzzRequest> {
  // What takes a body has the most ways to be wrong.
  const often = operations.flatMap((operation) => (operation.body ? [operation, operation, operation] : [operation]));
  return fc.constantFrom(...often).chain((operation) =>
    fc
      .record({
        path: pathOf(operation, ids),
        query: queryOf(operation),
        as: fc.oneof(
          { weight: 4, arbitrary: fc.constant('customer' as const) },
          { weight: 5, arbitrary: fc.constant('operator' as const) },
          fc.constant('nobody' as const),
        ),
        headers: headersOf(operation),
        body: operation.method === 'GET' ? rarely(anyBody) : bodyOf(operation, schemas),
      })
      .map(({ path, query, as, headers, body }) => ({ operation, path: path + query, as, headers, body })),
  );
}

/** What stands in a path or a query, in ways that the other side has to undo. */
const written = fc.oneof(
  { weight: 4, arbitrary: text.map((raw) => encodeURIComponent(raw.toWellFormed())) },
  fc.constantFrom('%', '%zz', '%c3%28', '%00', '%2e%2e%2f', '..;', 'a%2fb', '%ff%fe', encodeURIComponent('\u{10ffff}')),
);

const pathOf = ({ path }: Operation, ids: readonly string[]): fc.Arbitrary<string> =>
  fc
    .oneof({ weight: 3, arbitrary: fc.constantFrom(...ids, A_UUID) }, { weight: 2, arbitrary: written })
    .map((id) => path.replaceAll(/\{[^}]+\}/g, () => id));

function queryOf({ parameters = [] }: Operation): fc.Arbitrary<string> {
  const names = parameters.filter((one) => one.in === 'query').map(({ name }) => name);
  const name = fc.oneof(fc.constantFrom(...names, 'limit', 'cursor', 'limit[]', 'a[b][c]', '__proto__', ''), written);
  const pair = fc.tuple(name, written).map(([key, given]) => `${key}=${given}`);
  return fc
    .oneof(
      { weight: 2, arbitrary: fc.constant([]) },
      { weight: 3, arbitrary: fc.array(pair, { maxLength: 4 }) },
      pair.map((one) => Array.from({ length: 200 }, () => one)),
    )
    .map((pairs) => (pairs.length > 0 ? `?${pairs.join('&')}`.slice(0, 4_000) : ''));
}

const TRICKS: [string, string][] = [
  ['x-forwarded-for', '127.0.0.1, ::1'],
  ['x-forwarded-host', 'evil.test'],
  ['x-original-url', '/internal/activity'],
  ['x-http-method-override', 'DELETE'],
  ['x-user-id', A_UUID],
  ['x-user-role', 'operator'],
  ['x-request-id', '"}\\u001b[31m'],
  ['content-encoding', 'gzip'],
  ['accept', 'text/csv;q=a, */*;q=9'],
  ['accept', 'text/event-stream'],
  ['accept', 'x'.repeat(LONG)],
  ['accept-encoding', 'br;q=1.0, zstd, *;q=x'],
  ['accept-language', '-,;'],
  ['range', 'bytes=0-0,-1'],
  ['if-none-match', '*'],
  ['if-modified-since', 'yesterday'],
  ['origin', 'null'],
  ['cookie', `evergreen_refresh=${'%'.repeat(200)}; evergreen_refresh=x; __Host-evergreen_refresh=y`],
  ['cookie', 'a=b=c; ; =; "'],
  ['authorization', 'Bearer'],
  ['authorization', 'Bearer eyJhbGciOiJub25lIn0.e30.'],
  ['authorization', 'Basic Og=='],
  ['authorization', `Bearer ${'a.'.repeat(LONG)}`],
  ['traceparent', '00-zz-zz-zz'],
  ['expect', '100-continue'],
  ['connection', 'authorization, idempotency-key'],
];
const CONTENT_TYPES = [
  'application/json; charset=utf-16',
  'application/json;charset=x;charset=y',
  'application/JSON',
  'application/vnd.api+json',
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/json, text/plain',
  '/',
  ';',
];

function headersOf({ method }: Operation): fc.Arbitrary<Record<string, string>> {
  // Node sends no control characters in headers; the raw requests of the test do.
  const key = fc.oneof(
    { weight: 6, arbitrary: fc.uuid() },
    fc.string({ unit: fc.constantFrom(...'aZ0 \'"%;,é'.split('')), minLength: 1, maxLength: 20 }),
    fc.constantFrom('x'.repeat(255), 'x'.repeat(256), 'again'),
  );
  const keyed =
    method === 'GET' ? fc.constant({}) : fc.oneof({ weight: 7, arbitrary: named('idempotency-key', key) }, nothing);
  const tricks = fc.array(fc.constantFrom(...TRICKS), { maxLength: 2 }).map((pairs) => Object.fromEntries(pairs));
  const type = named('content-type', fc.constantFrom(...CONTENT_TYPES));
  return fc
    .tuple(
      keyed,
      fc.oneof({ weight: 5, arbitrary: nothing }, tricks),
      fc.oneof({ weight: 8, arbitrary: nothing }, type),
    )
    .map((parts) => Object.assign({}, ...parts));
}

const nothing: fc.Arbitrary<Record<string, string>> = fc.constant({});
const named = (name: string, given: fc.Arbitrary<string>) =>
  given.map((one): Record<string, string> => ({ [name]: one }));
const rarely = <T>(arbitrary: fc.Arbitrary<T>) => fc.oneof({ weight: 8, arbitrary: fc.constant(undefined) }, arbitrary);

const json = (body: unknown): Buffer => Buffer.from(JSON.stringify(body) ?? '');

/** Bodies that fit no schema, and some that are no JSON. */
const anyBody: fc.Arbitrary<Buffer> = fc.oneof(
  value.map(json),
  fc.constantFrom(
    Buffer.alloc(0),
    Buffer.from('{"a":'),
    Buffer.from('{"a":1}{"a":2}'),
    Buffer.from('\ufeff{}'),
    Buffer.from('{"__proto__":{"x":1},"constructor":{"prototype":{"x":1}}}'),
    Buffer.from('{"a":1e999}'),
    Buffer.from('{"a":1,"a":2}'),
    Buffer.from('"\\ud800"'),
    Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
    Buffer.from('{}', 'utf16le'),
    Buffer.from('['.repeat(30_000)),
    Buffer.from(`${'{"a":'.repeat(8_000)}1${'}'.repeat(8_000)}`),
    Buffer.from(`{"a":"${'x'.repeat(70_000)}"}`),
    Buffer.from([0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0]),
  ),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
);

/** The example of the document with a part or two replaced, taken away or added, now and then something else altogether. */
function bodyOf({ body }: Operation, schemas: Record<string, JsonSchema>): fc.Arbitrary<Buffer | undefined> {
  if (!body) return rarely(anyBody);
  const example = exampleOf(body, schemas) as Record<string, unknown>;
  const names = Object.keys(example ?? {});
  const change = fc.tuple(
    fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...names, 'surprise') }, text),
    fc.oneof({ weight: 5, arbitrary: value }, fc.constant(undefined)),
  );
  const nested = fc.tuple(fc.constantFrom(...names), text, value).map(([name, key, given]): [string, unknown] => {
    const part = example[name];
    return [
      name,
      part !== null && typeof part === 'object'
        ? { ...part, ...firstKey(part, given), ...(key && { [key]: given }) }
        : given,
    ];
  });
  const changed = fc
    .array(fc.oneof({ weight: 4, arbitrary: change }, nested), { minLength: 1, maxLength: 2 })
    .map((changes) => json({ ...example, ...Object.fromEntries(changes) }));
  return fc.oneof({ weight: 8, arbitrary: changed }, anyBody, fc.constant(undefined));
}

const firstKey = (part: object, given: unknown): object => {
  const [name] = Object.keys(part);
  return name ? { [name]: given } : {};
};
