/**
 * What an error says, for a log line or a header. A host with several addresses fails with an empty message and a list of
 * errors, so those are joined.
 */
export function messageOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error);
  const { message, errors } = error as { message?: unknown; errors?: unknown };
  if (Array.isArray(errors) && errors.length > 0) return errors.map(messageOf).join(', ');
  return String(message ?? error);
}
