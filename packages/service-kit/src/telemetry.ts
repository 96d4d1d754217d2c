import type { Logger } from 'pino';
import { Type } from 'typebox';
import { endOf } from './backoff.ts';
import { readConfig } from './config.ts';
import { switchTracing } from './tracing.ts';

/*
 * Starts the export of traces over OTLP, as JSON over HTTP, and only where an endpoint is named: else nothing of the SDK is even
 * loaded, and tracing.ts does nothing. Variables and their meaning are OpenTelemetry's own; the exporter reads more of them
 * (OTEL_EXPORTER_OTLP_HEADERS, _TIMEOUT, ...) by itself.
 */

/** Spans that are not sent by then are lost: a service that stops must not wait for a collector that is away. */
const FLUSH_TIMEOUT_MS = 2_000;
/** A batch has a link for each of its messages, and may have 200 of them. */
const MAX_LINKS = 256;

const Url = Type.String({ pattern: '^https?://', description: 'an http:// or https:// URL' });
const Count = (fallback: number) => Type.Integer({ minimum: 1, maximum: 1_000_000, default: fallback });

const CONFIG = {
  OTEL_TRACES_EXPORTER: Type.Enum(['otlp', 'none'], { default: 'otlp' }),
  OTEL_EXPORTER_OTLP_ENDPOINT: Type.Optional(Url),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: Type.Optional(Url),
  OTEL_TRACES_SAMPLER: Type.Enum(
    [
      'always_on',
      'always_off',
      'traceidratio',
      'parentbased_always_on',
      'parentbased_always_off',
      'parentbased_traceidratio',
    ],
    { default: 'parentbased_always_on' },
  ),
  OTEL_TRACES_SAMPLER_ARG: Type.Number({ minimum: 0, maximum: 1, default: 1 }),
  OTEL_BSP_SCHEDULE_DELAY: Count(5_000),
  OTEL_BSP_MAX_QUEUE_SIZE: Count(4_096),
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: Count(512),
};

/**
 * Exports the spans of this process from now on, where the environment names an endpoint.
 * @returns how to stop: sends what is left, for 2 s at most; undefined where traces are off
 * @throws ConfigError that names what is wrong; never where traces are off, as platforms set such variables for everybody
 */
export async function startTelemetry(service: string, logger: Logger): Promise<(() => Promise<void>) | undefined> {
  if (!isWanted()) return undefined;
  const config = readConfig(CONFIG);
  const [
    api,
    core,
    sdk,
    { resourceFromAttributes, detectResources, envDetector },
    { OTLPTraceExporter },
    { AsyncLocalStorageContextManager },
  ] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/core'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/context-async-hooks'),
  ]);
  // What went wrong, and nothing of what was to be sent.
  core.setGlobalErrorHandler((error) =>
    logger.warn({ reason: error instanceof Error ? error.message : 'unknown' }, 'traces could not be exported'),
  );
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({ 'service.name': `evergreen-${service}` }).merge(
      detectResources({ detectors: [envDetector] }),
    ),
    sampler: samplerOf(sdk, config.OTEL_TRACES_SAMPLER, config.OTEL_TRACES_SAMPLER_ARG),
    spanLimits: { linkCountLimit: MAX_LINKS },
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter: new OTLPTraceExporter(),
        scheduledDelayMillis: config.OTEL_BSP_SCHEDULE_DELAY,
        maxQueueSize: config.OTEL_BSP_MAX_QUEUE_SIZE,
        maxExportBatchSize: config.OTEL_BSP_MAX_EXPORT_BATCH_SIZE,
      }),
    ],
  });
  api.context.setGlobalContextManager(new AsyncLocalStorageContextManager());
  api.trace.setGlobalTracerProvider(provider);
  switchTracing(true);
  logger.info('exporting traces');
  return async () => {
    switchTracing(false);
    await endOf(provider.shutdown(), FLUSH_TIMEOUT_MS);
    api.trace.disable();
    api.context.disable();
  };
}

/** As OpenTelemetry has it, an empty value is none, and everything but "true" is false. */
function isWanted(env: NodeJS.ProcessEnv = process.env): boolean {
  const settingOf = (name: string): string => env[name]?.trim().toLowerCase() ?? '';
  if (settingOf('OTEL_SDK_DISABLED') === 'true' || settingOf('OTEL_TRACES_EXPORTER') === 'none') return false;
  return settingOf('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT') !== '' || settingOf('OTEL_EXPORTER_OTLP_ENDPOINT') !== '';
}

function samplerOf(sdk: typeof import('@opentelemetry/sdk-trace'), name: string, ratio: number) {
  const root = name.endsWith('always_off')
    ? new sdk.AlwaysOffSampler()
    : name.endsWith('traceidratio')
      ? new sdk.TraceIdRatioBasedSampler(ratio)
      : new sdk.AlwaysOnSampler();
  return name.startsWith('parentbased_') ? new sdk.ParentBasedSampler({ root }) : root;
}
