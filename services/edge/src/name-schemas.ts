import { NAMED_SCHEMAS } from '@evergreen/contracts/http/named-schemas.ts';
import type { JsonSchema } from './example.ts';

/**
 * Services write schemas out wherever they use them. This puts a reference to #/components/schemas in each place where one
 * of contracts' named schemas stands, so that the document is short and what is made from it has names.
 */
export function nameSchemas<T>(document: T): { document: T; schemas: Record<string, JsonSchema> } {
  const used = new Map<string, unknown>();
  const replaced = replace(document, (name) => used.set(name, NAMED_SCHEMAS.get(name)));
  const schemas: Record<string, JsonSchema> = {};
  // Named schemas are made of others, so what is used grows while it is written.
  for (const [name, schema] of used) {
    schemas[name] = replaceParts(schema, (part) => used.set(part, NAMED_SCHEMAS.get(part))) as JsonSchema;
  }
  const inOrder = Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1));
  return { document: replaced as T, schemas: Object.fromEntries(inOrder) };
}

/** The names by what the schemas say. Of two that say the same, the first one counts. */
const NAMES = new Map(
  [...NAMED_SCHEMAS].reverse().map(([name, schema]): [string, string] => [canonical(schema), name]),
);

type Use = (name: string) => void;

function replace(node: unknown, use: Use): unknown {
  if (node === null || typeof node !== 'object') return node;
  if (!Array.isArray(node) && ('properties' in node || 'enum' in node)) {
    const name = NAMES.get(canonical(node));
    if (name) {
      use(name);
      return { $ref: `#/components/schemas/${name}` };
    }
  }
  return replaceParts(node, use);
}

function replaceParts(node: unknown, use: Use): unknown {
  if (Array.isArray(node)) return node.map((part) => replace(part, use));
  if (node === null || typeof node !== 'object') return node;
  return Object.fromEntries(Object.entries(node).map(([key, part]) => [key, replace(part, use)]));
}

/** The order of keys says nothing. */
function canonical(schema: unknown): string {
  return JSON.stringify(schema, (_key, value: unknown) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}
