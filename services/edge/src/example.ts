/** The part of JSON Schema that the services' documents use. */
export interface JsonSchema {
  $ref?: string;
  type?: string;
  const?: unknown;
  enum?: unknown[];
  default?: unknown;
  examples?: unknown[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: boolean | JsonSchema;
  patternProperties?: Record<string, JsonSchema>;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  allOf?: JsonSchema[];
  format?: string;
  pattern?: string;
  minimum?: number;
  minLength?: number;
  description?: string;
}

const BY_FORMAT: Record<string, string> = {
  uuid: '01936f4e-6c1a-7d3b-8a53-3f0c5f2b9d10',
  'date-time': '2026-11-23T08:00:00.000Z',
  email: 'ada@example.com',
};

/**
 * A value that fits the schema: what it gives as an example, or else one made of its parts. A schema with a pattern needs an
 * example of its own. Tests hold every example against its schema.
 */
export function exampleOf(schema: JsonSchema, components: Readonly<Record<string, JsonSchema>> = {}): unknown {
  if (schema.$ref) return exampleOf(components[schema.$ref.split('/').at(-1) ?? ''] ?? {}, components);
  if (schema.examples) return schema.examples[0];
  if ('const' in schema) return schema.const;
  if ('default' in schema) return schema.default;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf) return exampleOf(schema.anyOf[0] ?? {}, components);
  switch (schema.type) {
    case 'object': {
      const parts = Object.entries(schema.properties ?? {});
      return Object.fromEntries(parts.map(([name, part]) => [name, exampleOf(part, components)]));
    }
    case 'array':
      return schema.items ? [exampleOf(schema.items, components)] : [];
    case 'string':
      return BY_FORMAT[schema.format ?? ''] ?? 'text'.padEnd(schema.minLength ?? 0, '.');
    case 'integer':
    case 'number':
      return Math.max(schema.minimum ?? 1, 1);
    case 'boolean':
      return true;
    default:
      return null;
  }
}
