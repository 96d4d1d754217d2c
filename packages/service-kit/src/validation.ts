import { Ajv, type ErrorObject, type Options, type ValidateFunction } from 'ajv';
import addFormatsModule from 'ajv-formats';
import type { FastifySchemaCompiler, FastifySchemaValidationError } from 'fastify';
import type { TSchema } from 'typebox';

// ajv-formats is CommonJS whose types say `export default`, so the function sits one level down at run time or not.
const addFormats = ((addFormatsModule as { default?: unknown }).default ?? addFormatsModule) as (ajv: Ajv) => Ajv;

const FORMATS: Options = { strict: false, allErrors: false };
const asSaid = addFormats(new Ajv({ ...FORMATS, useDefaults: true }));
const fromText = addFormats(new Ajv({ ...FORMATS, useDefaults: true, coerceTypes: true }));

/**
 * A body means exactly what it says: "100" is no amount and an unknown field is an error. Query, path and headers
 * are text by nature, so numbers and booleans are read from them. No string may hold U+0000 or
 * half of a surrogate pair, which Postgres keeps in no text or JSON.
 */
export const compileForHttp: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const validate = (httpPart === 'body' ? asSaid : fromText).compile(schema);
  const check = (value: unknown): boolean => {
    check.errors = null;
    if (!validate(value)) {
      check.errors = validate.errors ?? null;
      return false;
    }
    const nonTextPath = nonTextPathOf(value);
    if (nonTextPath !== undefined) check.errors = [{ ...NON_TEXT_ERROR, instancePath: nonTextPath }];
    return nonTextPath === undefined;
  };
  check.errors = null as ErrorObject[] | null;
  return check;
};

const NUL = '\u0000';
const NON_TEXT_ERROR = {
  schemaPath: '',
  keyword: 'text',
  params: {},
  message: 'must be text that can be kept: without U+0000 and halves of characters',
};

/** The path of a string that Postgres could not keep, as in /plan/name. Not by recursion: a body may be nested deeply. */
function nonTextPathOf(value: unknown): string | undefined {
  const left: [path: string, value: unknown][] = [['', value]];
  for (let next = left.pop(); next; next = left.pop()) {
    const [path, one] = next;
    if (typeof one === 'string' && (one.includes(NUL) || !one.isWellFormed())) return path;
    if (one === null || typeof one !== 'object') continue;
    for (const [key, part] of Object.entries(one)) left.push([`${path}/${key}`, part]);
  }
  return undefined;
}

/** Compiles a schema for values that are not text, such as events. */
export const compile = (schema: TSchema): ValidateFunction => asSaid.compile(schema);

/** Where an error is and what is wrong with it, in words for the caller. */
export function describeError(
  error: ErrorObject | FastifySchemaValidationError,
  root: string,
): { field: string; message: string } {
  const path = [root, ...error.instancePath.split('/').slice(1)];
  const params = error.params as {
    missingProperty?: string;
    additionalProperty?: string;
    allowedValues?: unknown[];
    allowedValue?: unknown;
  };
  if (error.keyword === 'required' && params.missingProperty) {
    return { field: [...path, params.missingProperty].join('.'), message: 'is required' };
  }
  if (error.keyword === 'additionalProperties' && params.additionalProperty) {
    return { field: [...path, params.additionalProperty].join('.'), message: 'is not a known field' };
  }
  if (error.keyword === 'enum' && params.allowedValues) {
    return { field: path.join('.'), message: `must be one of ${params.allowedValues.join(', ')}` };
  }
  if (error.keyword === 'const' && 'allowedValue' in params) {
    return { field: path.join('.'), message: `must be ${JSON.stringify(params.allowedValue)}` };
  }
  return { field: path.join('.'), message: error.message ?? 'is not valid' };
}
