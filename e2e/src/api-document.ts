import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ApiDocument, Operation as DocumentedOperation } from '@evergreen/edge/src/assemble.ts';
import type { JsonSchema } from '@evergreen/edge/src/example.ts';
import type { Answer } from './api.ts';

/** One operation of the API document, with what tests ask of it. */
export interface Operation extends DocumentedOperation {
  /** As in GET /v1/wallet/top-ups/{id}. */
  name: string;
  method: string;
  path: string;
  /** Who gets in: everyone, whoever has an account, or operators. */
  access: 'open' | 'user' | 'operator';
  /** The schema of its JSON body, if it takes one. */
  body: JsonSchema | undefined;
  /** The names of what is to be put into the path. */
  pathParameters: string[];
}

/** The document the running edge serves. A test holds it against the committed one. */
export async function readApiDocument(baseUrl: string): Promise<ApiDocument> {
  const response = await fetch(`${baseUrl}/openapi.json`, { signal: AbortSignal.timeout(10_000) });
  return (await response.json()) as ApiDocument;
}

/** docs/openapi.json. */
export const committedDocument = (): ApiDocument =>
  JSON.parse(readFileSync(fileURLToPath(new URL('../../docs/openapi.json', import.meta.url)), 'utf8'));

export const operationsOf = ({ paths, components }: ApiDocument): Operation[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      const needsToken = operation.security?.every((one) => 'accessToken' in one) && operation.security.length > 0;
      const schema = operation.requestBody?.content['application/json']?.schema;
      return {
        ...operation,
        name: `${method.toUpperCase()} ${path}`,
        method: method.toUpperCase(),
        path,
        access: operation['x-required-role'] ?? (needsToken ? 'user' : 'open'),
        body: schema?.$ref ? components.schemas[schema.$ref.split('/').at(-1) ?? ''] : schema,
        pathParameters: [...path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name ?? ''),
      };
    }),
  );

/** The problem codes that the document lists for an operation and a status. */
export function codesOf(operation: DocumentedOperation, status: number): string[] {
  const schema = operation.responses[status]?.content?.['application/problem+json']?.schema;
  return (schema?.allOf?.[1]?.properties?.code?.enum ?? []) as string[];
}

/** What is wrong with an answer by the document: a status or a code it does not list. Undefined when nothing is. */
export function undocumented(operation: Operation, { status, body }: Answer): string | undefined {
  if (!(status in operation.responses)) return `${operation.name} answered ${status}, which the document does not list`;
  if (status < 400 || codesOf(operation, status).includes(body.code)) return undefined;
  return `${operation.name} answered ${status} ${body.code}, which the document does not list`;
}
