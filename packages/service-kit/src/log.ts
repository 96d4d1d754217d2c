import pino, { type Logger } from 'pino';
import { secretHider, secretValues } from './secrets.ts';
import { traceFields } from './tracing.ts';

/** What Postgres adds to an error repeats values of rows: `Failing row contains (...)`. The rest says enough. */
const REPEATS_VALUES = ['detail', 'where', 'internalQuery', 'query', 'parameters', 'body', 'data', 'input'];
/** Errors hold others, such as Prisma's that of the driver. */
const DEEPEST = 6;

/**
 * The logger of a service: a line of JSON each, with the trace it belongs to; with LOG_FORMAT=pretty, for people. Each line is
 * looked over for secrets before it is written, since drivers' errors may hold what they were given.
 */
export function createLogger(
  service: string,
  env: NodeJS.ProcessEnv = process.env,
  stream?: pino.DestinationStream,
): Logger {
  const hide = secretHider(secretValues(env));
  const isPretty = env.LOG_FORMAT?.trim() === 'pretty';
  const options: pino.LoggerOptions = {
    name: service,
    level: env.LOG_LEVEL?.trim() || 'info',
    mixin: () => traceFields(),
    serializers: { err: (error: unknown) => withoutValues(error) },
    hooks: { streamWrite: (line) => (isPretty ? pretty(hide(line)) : hide(line)) },
  };
  return stream ? pino(options, stream) : pino(options);
}

function withoutValues(found: unknown, depth = 0): unknown {
  const shown: unknown = found instanceof Error ? pino.stdSerializers.err(found) : found;
  if (typeof shown !== 'object' || shown === null) return shown;
  if (depth === DEEPEST) return undefined;
  if (Array.isArray(shown)) return shown.map((one) => withoutValues(one, depth + 1));
  return Object.fromEntries(
    Object.entries(shown)
      .filter(([name]) => !REPEATS_VALUES.includes(name))
      .map(([name, value]) => [name, withoutValues(value, depth + 1)]),
  );
}

/** `08:30:00.123 WARN  the text  key=value ...`, and an error's stack below it. */
function pretty(line: string): string {
  try {
    const { level, time, msg = '', err, pid: _pid, hostname: _host, name: _name, ...more } = JSON.parse(line);
    const label = (pino.levels.labels[level] ?? String(level)).toUpperCase().padEnd(5);
    const fields = Object.entries(more).map(
      ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
    );
    const text = [new Date(time).toISOString().slice(11, 23), label, msg, ...fields].join(' ');
    const stack = err ? `\n  ${String(err.stack ?? err.message).replaceAll('\n', '\n  ')}` : '';
    return `${text}${stack}\n`;
  } catch {
    return line;
  }
}
