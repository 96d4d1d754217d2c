import type { GatewayHealth } from '@evergreen/contracts/http/wallet.ts';
import type { FastifyBaseLogger } from 'fastify';
import CircuitBreaker from 'opossum';
import { Counter, Gauge, type Registry } from 'prom-client';

/*
 * The circuit breaker round every single call to the payment gateway.
 *
 *   closed -> open           of the last 10 s' calls, 10 or more, over half failed
 *   open -> half_open        after a rest; the next call is the probe, and all others are refused until it has ended
 *   half_open -> closed      an answer came
 *   half_open -> open        none came
 *
 * A call that began before the breaker opened, and ends while it is half open, counts like the probe: it tells as much.
 */

const BREAKER = {
  errorThresholdPercentage: 50,
  volumeThreshold: 10,
  rollingCountTimeout: 10_000,
  rollingPercentilesEnabled: true,
  // Nobody listens to them, and each would sort the window's latencies.
  enableSnapshots: false,
  // opossum's own timeout would leave the call running; each call brings a signal that really ends it.
  timeout: false as const,
};
const RESET_TIMEOUT_MS = 3_000;

export type CircuitState = GatewayHealth['state'];

/** The breaker has changed its state; the counts are those of the last 10 s. */
export interface CircuitChange {
  to: CircuitState;
  calls: number;
  failures: number;
}

export interface Breaker {
  /**
   * Makes one call, unless the breaker is open.
   * @throws what the call throws, and an error that `isRefusal` knows when it was not made
   */
  fire<T>(call: () => Promise<T>): Promise<T>;
  state(): CircuitState;
  health(): Pick<GatewayHealth, 'state' | 'window' | 'latencyMs'>;
  /** Makes no call any more, and judges none: what is aborted because the process stops is no failure of the gateway. */
  stop(): void;
}

/** Whether the breaker refused a call, so that it was not made. */
export const isRefusal = (error: unknown): boolean => error instanceof Error && CircuitBreaker.isOurError(error);

/** Whether it was refused because the process stops. */
export const isShutdown = (error: unknown): boolean =>
  isRefusal(error) && (error as Error & { code?: string }).code === 'ESHUTDOWN';

/** opossum with our limits, its state on /metrics and in the log. `onChange` hears every change, at once and in order. */
export function openBreaker(options: {
  logger: FastifyBaseLogger;
  metrics: Registry;
  onChange: (change: CircuitChange) => void;
  resetTimeoutMs?: number;
}): Breaker {
  const { logger, metrics, onChange, resetTimeoutMs = RESET_TIMEOUT_MS } = options;
  const breaker = new CircuitBreaker((call: () => Promise<unknown>) => call(), {
    ...BREAKER,
    resetTimeout: resetTimeoutMs,
  });
  const state = (): CircuitState => (breaker.opened ? 'open' : breaker.halfOpen ? 'half_open' : 'closed');
  const counts = () => {
    const { fires, rejects, failures, successes, latencyMean, percentiles } = breaker.stats;
    return { calls: fires - rejects, failures, successes, refused: rejects, latencyMean, percentiles };
  };

  new Gauge({
    name: 'evergreen_wallet_gateway_breaker_state',
    help: '0 closed, 1 half open, 2 open',
    registers: [metrics],
    collect() {
      this.set({ closed: 0, half_open: 1, open: 2 }[state()]);
    },
  });
  const changes = new Counter({
    name: 'evergreen_wallet_gateway_breaker_changes_total',
    help: 'Changes of the breaker, by the state it came to',
    labelNames: ['to'],
    registers: [metrics],
  });
  const changed = (): void => {
    const { calls, failures } = counts();
    const change = { to: state(), calls, failures };
    changes.inc({ to: change.to });
    logger.warn(change, 'payment gateway: breaker changed');
    onChange(change);
  };
  breaker.on('open', changed);
  breaker.on('halfOpen', changed);
  breaker.on('close', changed);

  return {
    fire: <T>(call: () => Promise<T>) => breaker.fire(call) as Promise<T>,
    state,
    health() {
      const { latencyMean, percentiles, ...window } = counts();
      const round = (ms: number | undefined): number => Math.round(ms ?? 0);
      const latencyMs = { mean: round(latencyMean), p50: round(percentiles[0.5]), p99: round(percentiles[0.99]) };
      return { state: state(), window, latencyMs };
    },
    stop: () => breaker.shutdown(),
  };
}
