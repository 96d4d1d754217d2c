import type { ApiDocument, Media, Operation } from '@evergreen/edge/src/assemble.ts';
import type { JsonSchema } from '@evergreen/edge/src/example.ts';

/*
 * TypeScript types of the API in the shape that openapi-fetch reads (that of openapi-typescript, which needs the
 * JavaScript API of TypeScript 5 and is not there for ours). Only the JSON Schema that our schemas use is known; what is not
 * known stops the run.
 */

const HEAD = `// Made by \`npm run docs\` from docs/openapi.json; do not edit.
`;

/** The text of packages/client/src/generated/api.ts: `paths` for openapi-fetch, and `schemas` by their names. */
export function clientTypes({ paths, components }: ApiDocument): string {
  const schemas = Object.entries(components.schemas).map(([name, schema]) => `  ${name}: ${typeOf(schema)};`);
  const routes = Object.entries(paths).map(([path, methods]) => {
    const operations = Object.entries(methods).map(
      ([method, operation]) => `    ${method}: ${operationType(operation)};`,
    );
    return `  '${path}': {\n${operations.join('\n')}\n  };`;
  });
  return `${HEAD}
export interface schemas {
${schemas.join('\n')}
}

export interface paths {
${routes.join('\n')}
}
`;
}

function operationType({ parameters = [], requestBody, responses }: Operation): string {
  const places = ['query', 'header', 'path', 'cookie'].map((place) => {
    const here = parameters.filter((parameter) => parameter.in === place);
    if (here.length === 0) return `${place}?: never`;
    // The client makes an Idempotency-Key when it is given none.
    const isOptional = ({ name, required }: (typeof here)[number]) => !required || name === 'idempotency-key';
    const fields = here.map((one) => field(one.name, typeOf(one.schema), !isOptional(one)));
    return `${place}${here.every(isOptional) ? '?' : ''}: { ${fields.join('; ')} }`;
  });
  const body = requestBody
    ? `requestBody${requestBody.required ? '' : '?'}: { content: ${contentType(requestBody.content)} }`
    : 'requestBody?: never';
  const answers = Object.entries(responses).map(
    ([status, { content }]) =>
      `${status}: { headers: Headers; content: ${content ? contentType(content) : '{ [type: string]: never }'} }`,
  );
  return `{ parameters: { ${places.join('; ')} }; ${body}; responses: { ${answers.join('; ')} } }`;
}

const contentType = (content: Record<string, Media>): string =>
  `{ ${Object.entries(content)
    .map(([type, { schema }]) => `'${type}': ${typeOf(schema)}`)
    .join('; ')} }`;

const field = (name: string, type: string, required: boolean): string =>
  `${/^[A-Za-z_]\w*$/.test(name) ? name : `'${name}'`}${required ? '' : '?'}: ${type}`;

/** @throws Error for a schema of a kind that none of ours is */
export function typeOf(schema: JsonSchema): string {
  if (schema.$ref) return `schemas['${schema.$ref.split('/').at(-1)}']`;
  if ('const' in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.anyOf) return `(${schema.anyOf.map(typeOf).join(' | ')})`;
  if (schema.allOf) return `(${schema.allOf.map(typeOf).join(' & ')})`;
  switch (schema.type) {
    case 'object':
      return objectType(schema);
    case 'array':
      return `(${typeOf(schema.items ?? {})})[]`;
    case 'integer':
    case 'number':
      return 'number';
    case 'string':
    case 'boolean':
    case 'null':
      return schema.type;
    case undefined:
      if (Object.keys(schema).every((key) => ['description', 'examples', 'default'].includes(key))) return 'unknown';
  }
  throw new Error(`no type for ${JSON.stringify(schema).slice(0, 200)}`);
}

function objectType({ properties, required = [], patternProperties, additionalProperties }: JsonSchema): string {
  if (properties) {
    const fields = Object.entries(properties).map(([name, part]) => field(name, typeOf(part), required.includes(name)));
    return `{ ${fields.join('; ')} }`;
  }
  const [values] = Object.values(patternProperties ?? {});
  if (values) return `Record<string, ${typeOf(values)}>`;
  if (typeof additionalProperties === 'object') return `Record<string, ${typeOf(additionalProperties)}>`;
  return 'Record<string, unknown>';
}
