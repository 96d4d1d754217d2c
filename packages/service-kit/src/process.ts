import type { Logger } from 'pino';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { ConfigError } from './config.ts';
import { createLogger } from './log.ts';
import { startTelemetry } from './telemetry.ts';

/** sysexits EX_CONFIG: starting again would not help, so whoever supervises the process should not. */
export const EXIT_CONFIG = 78;
const STOP_TIMEOUT_MS = 12_000;

export interface ServiceContext {
  logger: Logger;
  metrics: Registry;
  /** Registers how to stop what was just started. Stopping runs last to first: what was opened first closes last. */
  onStop: (what: string, stop: () => Promise<unknown> | unknown) => void;
}

/**
 * Runs a service from start to stop: SIGTERM and SIGINT stop it in order, a second signal at once. A wrong
 * configuration is one readable line and exit code 78; anything unexpected is logged and exit code 1.
 */
export async function runService(service: string, start: (context: ServiceContext) => Promise<void>): Promise<void> {
  const logger = createLogger(service);
  const metrics = new Registry();
  collectDefaultMetrics({ register: metrics });
  const stops: { what: string; stop: () => Promise<unknown> | unknown }[] = [];
  let stopping = false;

  const stopAll = async (exitCode: number): Promise<void> => {
    if (stopping) process.exit(exitCode || 1);
    stopping = true;
    setTimeout(() => {
      logger.error('did not stop in time');
      process.exit(1);
    }, STOP_TIMEOUT_MS).unref();
    for (const { what, stop } of stops.reverse()) {
      await Promise.resolve(stop()).catch((err: unknown) => logger.error({ err }, `${what} did not stop cleanly`));
    }
    logger.info('stopped');
    process.exit(exitCode);
  };
  const fail = (err: unknown): void => {
    logger.fatal({ err }, 'unexpected error');
    void stopAll(1);
  };

  process.on('SIGTERM', () => void stopAll(0));
  process.on('SIGINT', () => void stopAll(0));
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  try {
    const stopTelemetry = await startTelemetry(service, logger);
    if (stopTelemetry) stops.push({ what: 'telemetry', stop: stopTelemetry });
    await start({ logger, metrics, onStop: (what, stop) => stops.push({ what, stop }) });
  } catch (error) {
    if (!(error instanceof ConfigError)) return fail(error);
    process.stderr.write(`evergreen ${service} cannot start: ${error.message}\n`);
    process.exit(EXIT_CONFIG);
  }
}
