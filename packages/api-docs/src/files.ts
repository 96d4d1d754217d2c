import { fileURLToPath } from 'node:url';
import { assemble } from '@evergreen/edge/src/assemble.ts';
import { asyncApiDocument } from './async-api.ts';
import { clientTypes } from './client-types.ts';
import { serviceDocuments } from './service-documents.ts';

const pathOf = (file: string): string => fileURLToPath(new URL(`../../../${file}`, import.meta.url));

/** What is made from the schemas, whole: the files by their absolute path. `npm run docs` writes them, a test compares. */
export async function generatedFiles(): Promise<Map<string, string>> {
  const openApi = assemble(await serviceDocuments());
  return new Map([
    [pathOf('docs/openapi.json'), asText(openApi)],
    [pathOf('docs/asyncapi.json'), asText(asyncApiDocument())],
    [pathOf('packages/client/src/generated/api.ts'), clientTypes(openApi)],
  ]);
}

const asText = (document: unknown): string => `${JSON.stringify(document, null, 2)}\n`;
