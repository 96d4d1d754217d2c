/** Infrastructure is away: the same work succeeds once it is back, however long that takes. */
const INFRASTRUCTURE = [
  /^08/, // SQLSTATE class connection exception
  /^28/, // not let in: the password was changed, and the new one is on its way
  /^53/, // insufficient resources: too many connections, disk full, out of memory
  /^57P0[1-3]$/, // the server shuts down, crashed, or is starting
  /^25006$/, // read-only: the database is failing over
  /^(ECONNREFUSED|ECONNRESET|ETIMEDOUT|EPIPE|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/,
  /^P(1001|1002|1008|1017|2024|2037)$/, // Prisma: unreachable, timed out, connection closed, no connection free
  /^(DatabaseNotReachable|ConnectionClosed|SocketTimeout|TooManyConnections)$/, // Prisma's driver adapter
];

/** Somebody else was in the way: nothing happened, and the same work will most likely succeed at once. */
const CONTENTION = [
  /^(40001|40P01|55P03|57014)$/, // serialization failure, deadlock, lock not available, statement timeout
  /^P(2028|2034)$/, // Prisma: transaction could not start in time, write conflict
  /^TransactionWriteConflict$/,
];

/** What pg and pg-pool say without a code. */
const LOST_CONNECTION =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Query read timeout)/;

const MAX_DEPTH = 5;

/**
 * Whether an error says something about the moment and not about the work: `infrastructure` is away, or there was
 * `contention` with other work. Undefined for everything else. Looks through causes, grouped errors and Prisma's wrapping.
 */
export function transience(error: unknown, depth = 0): 'infrastructure' | 'contention' | undefined {
  if (typeof error !== 'object' || error === null || depth > MAX_DEPTH) return undefined;
  const { code, originalCode, kind, message, cause, errors, meta } = error as Record<string, unknown>;
  const names = [code, originalCode, kind].filter((name): name is string => typeof name === 'string');
  const isOneOf = (patterns: RegExp[]) => names.some((name) => patterns.some((pattern) => pattern.test(name)));
  if (isOneOf(INFRASTRUCTURE)) return 'infrastructure';
  if (isOneOf(CONTENTION)) return 'contention';
  if (typeof message === 'string' && LOST_CONNECTION.test(message)) return 'infrastructure';
  const wrapped = (meta as { driverAdapterError?: unknown } | undefined)?.driverAdapterError;
  const inner = [cause, wrapped, ...(Array.isArray(errors) ? errors : [])];
  return inner.map((one) => transience(one, depth + 1)).find((found) => found !== undefined);
}

/** Errors that do not count as an attempt: database away (pg, Prisma, sockets), deadlock, serialization failure. */
export const isTransient = (error: unknown): boolean => transience(error) !== undefined;
