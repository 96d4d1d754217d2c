import { randomInt } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { exampleOf } from '@evergreen/edge/src/example.ts';
import { processNames } from '@evergreen/stack/services.ts';
import { startTestStack, type TestStack } from '@evergreen/stack/testing.ts';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Answer, call, newKey } from '../src/api.ts';
import { operationsOf, readApiDocument, undocumented } from '../src/api-document.ts';
import { type FuzzRequest, fuzzRequests } from '../src/fuzz-requests.ts';
import { calmGateway, newCustomer, newOperator, newPlan, type Person, subscribe, topUp } from '../src/people.ts';

/** The same requests are sent again with EVERGREEN_SEED=<the seed that was printed>. */
const seed = Number(process.env.EVERGREEN_SEED ?? randomInt(2 ** 31));
/** Longer runs: EVERGREEN_FUZZ_SECONDS=600. */
const FUZZ_MS = Number(process.env.EVERGREEN_FUZZ_SECONDS ?? 10) * 1_000;
const AT_ONCE = 6;
const ANSWER_TIMEOUT_MS = 30_000;
/** What an answer must never show: stack frames, files, SQL, addresses inside. */
const INSIDE =
  /\n\s+at |node_modules|\.[cm]?[jt]s:\d+|\/src\/|node:internal|SELECT .+ FROM|INSERT INTO|PrismaClient|ECONN|127\.0\.0\.1:\d+/;

let stack: TestStack;
let customer: Person;
let operator: Person;
let starts: Record<string, number>;

beforeAll(async () => {
  stack = await startTestStack();
  customer = await newCustomer(stack);
  operator = await newOperator(stack);
  await calmGateway(operator);
  starts = countStarts();
}, 60_000);

afterAll(() => stack?.stop(), 30_000);

const countStarts = () => Object.fromEntries(processNames.map((name) => [name, stack.supervisor.starts(name)]));

/** Everything is as it was: the same processes, ready, and doing their work. */
async function expectStanding(): Promise<void> {
  const { status, body } = await call(`${stack.baseUrl}/health/ready`);
  expect({ status, body }).toMatchObject({ status: 200, body: { status: 'ok' } });
  expect(countStarts()).toEqual(starts);
}

/** Sends it as it is: `fetch` would refuse some of the headers, and tidy up the path. */
function send({ operation, path, as, headers, body }: FuzzRequest): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const token = { nobody: undefined, customer: customer.token, operator: operator.token }[as];
  const asking = httpRequest(
    `${stack.baseUrl}`,
    {
      method: operation.method,
      path,
      agent: false,
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
      headers: {
        ...(token && { authorization: `Bearer ${token}` }),
        ...(body && { 'content-type': 'application/json', 'content-length': body.length }),
        ...headers,
      },
    },
    async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString();
      const isJson = response.headers['content-type']?.includes('json');
      const answer = {
        status: response.statusCode ?? 0,
        headers: new Headers(response.headers as Record<string, string>),
      };
      resolve({ ...answer, body: isJson && text ? JSON.parse(text) : text });
    },
  );
  asking.on('error', reject);
  asking.end(body);
  return promise;
}

/** What is wrong with the answer to a request, whatever the request was. */
function faultOf({ operation, path }: FuzzRequest, answer: Answer): string | undefined {
  const { status, headers, body } = answer;
  if (status === 500) return 'a 500';
  if (INSIDE.test(typeof body === 'string' ? body : JSON.stringify(body).replaceAll('\\n', '\n')))
    return 'it tells of the inside';
  if (status >= 400 && !headers.get('content-type')?.startsWith('application/problem+json'))
    return 'an error that is no problem';
  if (headers.get('x-content-type-options') !== 'nosniff') return 'no security headers';
  // An id with a slash in it makes another path, which may be nobody's.
  if (status === 404 && path.split('?')[0] !== operation.path) return undefined;
  return undocumented(operation, answer);
}

test(
  'whatever is sent, nothing breaks and nothing is told of the inside',
  async () => {
    process.stderr.write(`fuzz.test.ts: EVERGREEN_SEED=${seed}\n`);
    const plan = await newPlan(operator);
    const topped = await topUp(customer, 5_000);
    const ids = [plan.id, topped.body.id, (await subscribe(customer, plan.id)).body.id, customer.id];
    const document = await readApiDocument(stack.baseUrl);
    const seen: Record<string, number> = {};
    const requests = fuzzRequests(operationsOf(document), document.components.schemas, ids);
    await fc.assert(
      // Several at a time, as strangers would come.
      fc.asyncProperty(fc.array(requests, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (batch) => {
        await Promise.all(
          batch.map(async (request) => {
            const answer = await send(request);
            seen[answer.status] = (seen[answer.status] ?? 0) + 1;
            expectNoFault(request, answer);
          }),
        );
      }),
      { seed, numRuns: 1_000_000, interruptAfterTimeLimit: FUZZ_MS, markInterruptAsFailure: false, endOnFailure: true },
    );
    process.stderr.write(`fuzz.test.ts: answers by status ${JSON.stringify(seen)}\n`);
    // Enough of them got as far as the work itself, and enough did not.
    expect(seen[200]).toBeGreaterThan(20);
    expect(seen[400]).toBeGreaterThan(100);
    await expectStanding();
  },
  FUZZ_MS + 40_000,
);

function expectNoFault(request: FuzzRequest, answer: Answer): void {
  const fault = faultOf(request, answer);
  if (fault) throw new Error(`${fault}: ${describe(request)} -> ${answer.status} ${JSON.stringify(answer.body)}`);
}

test('a string that fits the schema and no database is refused or kept, in every field of every body', async () => {
  const document = await readApiDocument(stack.baseUrl);
  let sent = 0;
  for (const operation of operationsOf(document)) {
    const example =
      operation.body && (exampleOf(operation.body, document.components.schemas) as Record<string, unknown>);
    for (const [name, given] of Object.entries(example ?? {})) {
      if (typeof given !== 'string') continue;
      for (const nasty of ['a\u0000b', 'a\ud800b', '\u202eabc', '    ']) {
        const path = operation.path.replaceAll(/\{[^}]+\}/g, customer.id);
        const body = Buffer.from(JSON.stringify({ ...example, [name]: nasty }));
        for (const as of ['customer', 'operator'] as const) {
          const headers = { 'idempotency-key': newKey() };
          const request = { operation, path, as, headers, body };
          expectNoFault(request, await send(request));
          sent++;
        }
      }
    }
  }
  expect(sent).toBeGreaterThan(100);
  await expectStanding();
}, 60_000);

const describe = ({ operation, path, as, headers, body }: FuzzRequest): string =>
  `${operation.method} ${path.slice(0, 300)} as ${as} ${JSON.stringify(headers).slice(0, 500)} ${body?.toString().slice(0, 500)}`;

/** Bytes that are no proper HTTP. */
const RAW: [string, string][] = [
  ['two lengths', 'POST /v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}'],
  [
    'a length and chunks',
    'POST /v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
  ['chunks in disguise', 'POST /v1/auth/login HTTP/1.1\r\nhost: x\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n'],
  ['a chunk of a bad size', 'POST /v1/auth/login HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n'],
  ['a control character in a header', 'GET /v1/plans HTTP/1.1\r\nhost: x\r\nx-odd: a\u0001b\r\n\r\n'],
  ['a folded header', 'GET /v1/plans HTTP/1.1\r\nhost: x\r\nx-odd: a\r\n b\r\n\r\n'],
  ['a name with a space', 'GET /v1/plans HTTP/1.1\r\nhost: x\r\nx odd: a\r\n\r\n'],
  ['headers without end', `GET /v1/plans HTTP/1.1\r\nhost: x\r\n${`x-odd: ${'y'.repeat(2_000)}\r\n`.repeat(20)}\r\n`],
  ['a path without end', `GET /v1/plans/${'x'.repeat(40_000)} HTTP/1.1\r\nhost: x\r\n\r\n`],
  ['no host', 'GET /v1/plans HTTP/1.1\r\n\r\n'],
  ['an unknown method', 'BREW /v1/plans HTTP/1.1\r\nhost: x\r\n\r\n'],
  ['a tunnel', 'CONNECT 127.0.0.1:5432 HTTP/1.1\r\nhost: x\r\n\r\n'],
  ['a trace', 'TRACE /v1/plans HTTP/1.1\r\nhost: x\r\n\r\n'],
  ['bytes in a path', 'GET /v1/plans/\u00e9\u00ff HTTP/1.1\r\nhost: x\r\n\r\n'],
  ['HTTP/0.9', 'GET /v1/plans\r\n\r\n'],
  ['HTTP/2 by hand', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['TLS', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000'],
];

test.each(RAW)('%s: refused or answered, and the next request works', async (_what, bytes) => {
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(Number(new URL(stack.baseUrl).port), '127.0.0.1');
    let received = '';
    socket.setTimeout(10_000, () => socket.destroy(new Error('the edge neither answered nor hung up')));
    socket.on('data', (chunk) => {
      received += chunk;
      socket.end();
    });
    socket.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNRESET' ? resolve(received) : reject(error),
    );
    socket.on('close', () => resolve(received));
    socket.write(Buffer.from(bytes, 'latin1'));
  });
  expect(answer).not.toMatch(INSIDE);
  if (answer) expect(answer).toMatch(/^HTTP\/1\.1 [234]\d\d /);
  await expectStanding();
});
