import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import { OPERATION_PROBLEMS } from '@evergreen/contracts/http/operation-problems.ts';
import { PROBLEMS } from '@evergreen/contracts/problems.ts';
import { QUEUES } from '@evergreen/contracts/topology.ts';
import type { ApiDocument, Media, Operation } from '@evergreen/edge/src/assemble.ts';
import { beforeAll, expect, test } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { typeOf } from '../src/client-types.ts';
import { generatedFiles } from '../src/files.ts';

let files: Map<string, string>;
let openApi: ApiDocument;
let asyncApi: ReturnType<typeof JSON.parse>;
let operations: [name: string, Operation][];

beforeAll(async () => {
  files = await generatedFiles();
  const textOf = (name: string) => [...files].find(([path]) => basename(path) === name)?.[1] ?? '';
  openApi = JSON.parse(textOf('openapi.json'));
  asyncApi = JSON.parse(textOf('asyncapi.json'));
  operations = Object.entries(openApi.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, Operation] => [`${method} ${path}`, operation]),
  );
});

test('the committed documents and the client are what the schemas say; if not, run `npm run docs`', async () => {
  expect([...files.keys()].map((path) => basename(path))).toEqual(['openapi.json', 'asyncapi.json', 'api.ts']);
  for (const [path, text] of files) {
    const committed = await readFile(path, 'utf8').catch(() => '');
    expect({ file: path, isFresh: committed === text }).toEqual({ file: path, isFresh: true });
  }
});

test('the OpenAPI document is one by the schema of OpenAPI 3.1, and all its references lead somewhere', async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(structuredClone(openApi) as never);
  expect({ valid, errors }).toEqual({ valid: true, errors: undefined });
  expect(brokenReferences(openApi)).toEqual([]);
});

test('the AsyncAPI document is one by the schema of AsyncAPI 3.0, and all its references lead somewhere', () => {
  const schema = createRequire(import.meta.url)('@asyncapi/specs/schemas/3.0.0-without-$id.json');
  // The schema has formats that are about other things than ours.
  const ajv = new Ajv({ strict: false, validateFormats: false });
  expect(ajv.validate(schema, asyncApi) || ajv.errors).toBe(true);
  expect(brokenReferences(asyncApi)).toEqual([]);
});

function brokenReferences(document: object): string[] {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path ?? '');
  expect(references.length).toBeGreaterThan(50);
  return references.filter((path) => {
    // biome-ignore lint/suspicious/noExplicitAny: any way down a document
    const found = path.split('/').reduce<any>((node, part) => node?.[part.replaceAll('~1', '/')], document);
    return found === undefined;
  });
}

/** Checks values against schemas that stand somewhere in a document and point into it. */
function checkerOf(schemas: object) {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema({ $id: 'document', components: { schemas } });
  return (schema: object, value: unknown): string | true => {
    const pointing = JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"document#/components'));
    return ajv.validate(pointing, value) || ajv.errorsText();
  };
}

test('every example fits its schema', () => {
  const check = checkerOf(openApi.components.schemas);
  let examples = 0;
  const media = operations.flatMap(([name, { requestBody, responses }]) =>
    [requestBody?.content, ...Object.values(responses).map(({ content }) => content)].flatMap((content) =>
      Object.values(content ?? {}).map((one): [string, Media] => [name, one]),
    ),
  );
  for (const [name, { schema, example, examples: named = {} }] of media) {
    const shared = Object.keys(named).map((code) => openApi.components.examples[code]?.value);
    for (const value of [...(example === undefined ? [] : [example]), ...shared]) {
      examples++;
      expect({ name, fits: check(schema, value) }).toEqual({ name, fits: true });
    }
  }
  expect(examples).toBeGreaterThan(300);
  const checkEvent = checkerOf(asyncApi.components.schemas);
  for (const [name, message] of Object.entries<{ payload: object; examples: { payload: unknown }[] }>(
    asyncApi.components.messages,
  )) {
    expect({ name, fits: checkEvent(message.payload, message.examples[0]?.payload) }).toEqual({ name, fits: true });
  }
});

test('every operation has an id of its own, a summary, one described tag, and an answer that is no problem', () => {
  const ids = operations.map(([, { operationId }]) => operationId);
  expect(new Set(ids).size).toBe(ids.length);
  expect(openApi.tags.filter(({ description }) => !description)).toEqual([]);
  const tags = openApi.tags.map(({ name }) => name);
  for (const [name, { summary, tags: own, responses }] of operations) {
    expect({ name, summary: typeof summary, tags: own?.length, known: tags.includes(own?.[0] ?? '') }).toEqual({
      name,
      summary: 'string',
      tags: 1,
      known: true,
    });
    expect(Object.keys(responses).filter((status) => /^2\d\d$/.test(status))).not.toEqual([]);
  }
});

test('every operation lists its problems by status, and every code of the system that HTTP can show is listed', () => {
  const listed = new Set<string>();
  for (const [name, { responses, security }] of operations) {
    for (const [status, { content }] of Object.entries(responses)) {
      const codes = content?.['application/problem+json']?.schema.allOf?.[1]?.properties?.code?.enum;
      if (Number(status) < 400) continue;
      expect({ name, status, codes: codes?.length ?? 0 }).not.toMatchObject({ codes: 0 });
      for (const code of (codes ?? []) as (keyof typeof PROBLEMS)[]) {
        listed.add(code);
        expect({ name, code, status: String(PROBLEMS[code].status) }).toEqual({ name, code, status });
      }
    }
    const needsToken = security?.some((one) => 'accessToken' in one) === true;
    expect({ name, has401: needsToken ? '401' in responses : true }).toEqual({ name, has401: true });
  }
  expect(Object.keys(PROBLEMS).filter((code) => !listed.has(code))).toEqual([]);
});

test('single refusals are told of operations that exist', () => {
  const ids = new Set(operations.map(([, { operationId }]) => operationId));
  expect(Object.keys(OPERATION_PROBLEMS).filter((id) => !ids.has(id))).toEqual([]);
});

test('every event has its channel, its speaker and, on every queue, its listener', () => {
  const names = Object.keys(asyncApi.operations);
  expect(asyncApi.channels.ChargeSucceeded).toMatchObject({ address: 'evergreen.wallet.ChargeSucceeded.v1' });
  expect(names).toEqual(
    expect.arrayContaining([
      'wallet.sends.ChargeSucceeded',
      'subscriptions.payments.receives.ChargeSucceeded',
      'notifier.inbox.receives.ChargeSucceeded',
      'socket.emits',
    ]),
  );
  expect(names.filter((name) => name.includes('.receives.') && !name.startsWith('notifier.sockets'))).toHaveLength(
    QUEUES.reduce((sum, { events }) => sum + events.length, 0),
  );
});

test('a schema of a kind that no type is known for stops the run', () => {
  expect(() => typeOf({ type: 'tuple' })).toThrow(/^no type for/);
  expect(() => typeOf({ oneOf: [] } as never)).toThrow(/^no type for/);
  expect(typeOf({ anyOf: [{ type: 'string' }, { type: 'null' }] })).toBe('(string | null)');
});
