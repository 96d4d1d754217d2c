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
 * are text by nature, so numbers and booleans are read from them.
 */
export const compileForHttp: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) =>
  (httpPart === 'body' ? asSaid : fromText).compile(schema);

/** Compiles a schema for values that are not text, such as events. */
export const compile = (schema: TSchema): ValidateFunction => asSaid.compile(schema);

/** Where an error is and what is wrong with it, in words for the caller. */
export function describeError(
  error: ErrorObject | FastifySchemaValidationError,
  root: string,
): { field: string; message: string } {
  const path = [root, ...error.instancePath.split('/').slice(1)];
  const params = error.params as { missingProperty?: string; additionalProperty?: string; allowedValues?: unknown[] };
  if (error.keyword === 'required' && params.missingProperty) {
    return { field: [...path, params.missingProperty].join('.'), message: 'is required' };
  }
  if (error.keyword === 'additionalProperties' && params.additionalProperty) {
    return { field: [...path, params.additionalProperty].join('.'), message: 'is not a known field' };
  }
  if (error.keyword === 'enum' && params.allowedValues) {
    return { field: path.join('.'), message: `must be one of ${params.allowedValues.join(', ')}` };
  }
  return { field: path.join('.'), message: error.message ?? 'is not valid' };
}
