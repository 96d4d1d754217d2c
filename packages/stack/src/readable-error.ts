/** An expected failure whose message alone tells a person what to do; it is printed without a stack trace. */
export class ReadableError extends Error {
  override name = 'ReadableError';
}

export function describeError(error: unknown): string {
  if (error instanceof ReadableError) return error.message;
  if (error instanceof AggregateError) return error.errors.map(describeError).join('\n');
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
