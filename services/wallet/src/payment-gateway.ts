import { setTimeout as pause } from 'node:timers/promises';
import { Payment, PaymentRefund } from '@evergreen/contracts/http/gateway.ts';
import { tracedFetch } from '@evergreen/service-kit/tracing.ts';
import { compile } from '@evergreen/service-kit/validation.ts';
import type { FastifyBaseLogger } from 'fastify';
import { Counter, Histogram, type Registry } from 'prom-client';
import { type Breaker, type CircuitChange, isRefusal, isShutdown, openBreaker } from './breaker.ts';

/** One call may take this long; a slow card takes about 5 s. */
const ATTEMPT_TIMEOUT_MS = 8_000;
const MAX_ATTEMPTS = 4;
const BACKOFF_BASE_MS = 150;
const BACKOFF_MAX_MS = 2_000;
const RETRY_AFTER_MAX_MS = 5_000;
/** The bulkhead: payments under way at once. One more is not begun, so a slow gateway cannot take all of the wallet. */
const MAX_CONCURRENT_PAYMENTS = 100;

/** Three outcomes, three paths. Unknown is never turned into declined, and never tried again under another key. */
export type PaymentOutcome =
  | { status: 'succeeded'; paymentId: string }
  | { status: 'declined'; code: string; message: string }
  | { status: 'unknown'; reason: string };

export interface PaymentRequest {
  /** The top-up's id: the idempotency key of the payment, the same on every try. */
  key: string;
  amount: number;
  currency: string;
  paymentMethod: string;
}

export interface RefundRequest {
  /** The refund's id: the idempotency key, the same on every try. */
  key: string;
  paymentId: string;
  amount: number;
}

/** One call to the gateway that was made, or that breaker or bulkhead refused. */
export interface PaymentAttempt {
  /** The top-up or refund it was for. */
  subjectId: string;
  operation: 'pay' | 'look_up' | 'refund';
  /**
   * What was answered (succeeded, declined, not_found, http_<status>), why nothing was (timeout, connection_lost, interrupted by
   * the stop of this process), or what refused it (breaker_open, bulkhead_full).
   */
  outcome: string;
  durationMs: number;
}

export interface PaymentGateway {
  /** Asks for a payment, trying again under the same key while that may help. Never throws. */
  pay(request: PaymentRequest, signal: AbortSignal): Promise<PaymentOutcome>;
  /** Asks for money of a payment to be given back, trying again under the same key while that may help. Never throws. */
  refund(request: RefundRequest, signal: AbortSignal): Promise<PaymentOutcome>;
  /** Asks what became of a payment; `not_found` when the gateway has none under this key. Never throws. */
  find(key: string, signal: AbortSignal): Promise<PaymentOutcome | { status: 'not_found' }>;
  health: Breaker['health'];
  /** Call it before the signals of calls under way are aborted: then the breaker does not take that for failures. */
  stop(): void;
}

/** The gateway did not say what happened. The same call, under the same key, may be made again. */
class NoAnswer extends Error {
  readonly status: number;
  readonly retryAfterMs: number | undefined;
  constructor(message: string, status: number, retryAfterMs?: number) {
    super(message);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

const isPayment = compile(Payment);
const isRefund = compile(PaymentRefund);

type Answer = PaymentOutcome | { status: 'not_found' };
type Call = (signal: AbortSignal) => Promise<Answer>;
type Purpose = Pick<PaymentAttempt, 'subjectId' | 'operation'>;

/**
 * The payment gateway over HTTP: the breaker round each single attempt, retries with full jitter round the breaker, the bulkhead
 * outside. A decline is an answer like any other, so it never opens the breaker.
 */
export function paymentGateway(options: {
  url: string;
  apiKey: string;
  logger: FastifyBaseLogger;
  metrics: Registry;
  onCircuitChange: (change: CircuitChange) => void;
  /** Hears of every attempt once it has ended, and is waited for. Must not reject. */
  onAttempt: (attempt: PaymentAttempt) => Promise<void>;
}): PaymentGateway {
  const { logger, onAttempt } = options;
  const metrics = attemptMetrics(options.metrics);
  const breaker = openBreaker({ logger, metrics: options.metrics, onChange: options.onCircuitChange });
  let underWay = 0;

  const attempt = async (purpose: Purpose, call: Call, signal: AbortSignal): Promise<Answer> => {
    const startedMs = performance.now();
    const result = await breaker
      .fire(() => call(AbortSignal.any([signal, AbortSignal.timeout(ATTEMPT_TIMEOUT_MS)])))
      .then(
        (answer) => ({ answer, outcome: answer.status }),
        (error: unknown) => ({ error, outcome: outcomeOf(error) }),
      );
    const durationMs = Math.round(performance.now() - startedMs);
    if ('error' in result && isRefusal(result.error)) metrics.refusals.inc({ by: 'breaker' });
    else metrics.seconds.observe({ outcome: result.outcome }, durationMs / 1000);
    await onAttempt({ ...purpose, outcome: result.outcome, durationMs });
    if ('error' in result) throw result.error;
    return result.answer;
  };

  const guarded = async (purpose: Purpose, call: Call, signal: AbortSignal): Promise<Answer> => {
    if (underWay >= MAX_CONCURRENT_PAYMENTS) {
      metrics.refusals.inc({ by: 'bulkhead' });
      await onAttempt({ ...purpose, outcome: 'bulkhead_full', durationMs: 0 });
      return { status: 'unknown', reason: 'too many payments are under way' };
    }
    underWay++;
    try {
      return await withRetries(() => attempt(purpose, call, signal), signal, logger);
    } finally {
      underWay--;
    }
  };

  return {
    health: breaker.health,
    stop: breaker.stop,
    find: (key, signal) =>
      guarded({ subjectId: key, operation: 'look_up' }, (callSignal) => getPayment(options, key, callSignal), signal),
    async pay(request, signal) {
      const purpose = { subjectId: request.key, operation: 'pay' } as const;
      const outcome = await guarded(purpose, (callSignal) => postPayment(options, request, callSignal), signal);
      return outcome.status === 'not_found' ? { status: 'unknown', reason: 'the gateway has no such route' } : outcome;
    },
    async refund(request, signal) {
      const purpose = { subjectId: request.key, operation: 'refund' } as const;
      const outcome = await guarded(purpose, (callSignal) => postRefund(options, request, callSignal), signal);
      // The gateway gave us the payment's id, so a gateway that knows none is the wrong one: refused would be a guess.
      return outcome.status === 'not_found'
        ? { status: 'unknown', reason: 'the gateway knows no such payment' }
        : outcome;
    },
  };
}

async function withRetries(
  attempt: () => Promise<Answer>,
  signal: AbortSignal,
  logger: FastifyBaseLogger,
): Promise<Answer> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (isRefusal(error) || tries === MAX_ATTEMPTS || signal.aborted) return { status: 'unknown', reason };
      logger.debug({ tries, reason }, 'payment gateway gave no answer, trying again');
      await pause(restBeforeRetry(tries, error), undefined, { signal }).catch(() => undefined);
    }
  }
}

function attemptMetrics(registry: Registry) {
  const seconds = new Histogram({
    name: 'evergreen_wallet_gateway_attempt_seconds',
    help: 'Time of one call to the payment gateway',
    labelNames: ['outcome'],
    buckets: [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 8],
    registers: [registry],
  });
  const refusals = new Counter({
    name: 'evergreen_wallet_gateway_not_attempted_calls_total',
    help: 'Calls that were not made, by what stopped them',
    labelNames: ['by'],
    registers: [registry],
  });
  return { seconds, refusals };
}

function outcomeOf(error: unknown): string {
  if (isShutdown(error)) return 'interrupted';
  if (isRefusal(error)) return 'breaker_open';
  if (error instanceof NoAnswer) return `http_${error.status}`;
  const name = error instanceof Error ? error.name : '';
  if (name === 'TimeoutError') return 'timeout';
  return name === 'AbortError' ? 'interrupted' : 'connection_lost';
}

/** Milliseconds before try `tries + 1`: exponential with full jitter, or what the gateway asked for when that is longer. */
function restBeforeRetry(tries: number, error: unknown): number {
  const asked = error instanceof NoAnswer ? (error.retryAfterMs ?? 0) : 0;
  const backoff = Math.random() * Math.min(BACKOFF_MAX_MS, BACKOFF_BASE_MS * 2 ** tries);
  return Math.max(backoff, Math.min(asked, RETRY_AFTER_MAX_MS));
}

interface Endpoint {
  url: string;
  apiKey: string;
}

async function postPayment({ url, apiKey }: Endpoint, request: PaymentRequest, signal: AbortSignal) {
  const { key, ...body } = request;
  const response = await tracedFetch('/payments', `${url}/payments`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify(body),
    signal,
  });
  return readOutcome(response, request.key);
}

async function postRefund({ url, apiKey }: Endpoint, { key, paymentId, amount }: RefundRequest, signal: AbortSignal) {
  const response = await tracedFetch(
    '/payments/{id}/refunds',
    `${url}/payments/${encodeURIComponent(paymentId)}/refunds`,
    {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify({ amount }),
      signal,
    },
  );
  return readOutcome(response, key);
}

async function getPayment({ url, apiKey }: Endpoint, key: string, signal: AbortSignal) {
  const response = await tracedFetch('/payments/by-key/{key}', `${url}/payments/by-key/${encodeURIComponent(key)}`, {
    headers: { authorization: `Bearer ${apiKey}` },
    signal,
  });
  return readOutcome(response, key);
}

async function readOutcome(response: Response, key: string): Promise<Answer> {
  const body: unknown = await response.json().catch((error: unknown) => {
    // A body that is no JSON is judged by its status below; one that broke off is a lost answer.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  });
  if (isPayment(body) && (body as Payment).idempotencyKey === key) {
    const payment = body as Payment;
    if (payment.status === 'succeeded') return { status: 'succeeded', paymentId: payment.id };
    return { status: 'declined', code: payment.declineCode ?? 'declined', message: 'The payment method was declined' };
  }
  if (isRefund(body) && (body as PaymentRefund).idempotencyKey === key) {
    return { status: 'succeeded', paymentId: (body as PaymentRefund).paymentId };
  }
  const code = (body as { code?: string } | undefined)?.code;
  if (response.status === 409 && code === 'refund_not_possible') {
    return { status: 'declined', code, message: 'The gateway cannot give so much back' };
  }
  if (response.status === 404 && code === 'not_found') return { status: 'not_found' };
  if (response.status === 422 && code === 'unknown_payment_method') {
    return { status: 'declined', code, message: 'There is no such payment method' };
  }
  const retryAfterSeconds = Number(response.headers.get('retry-after') ?? 0);
  throw new NoAnswer(
    `payment gateway answered ${response.status} ${code ?? ''}`.trim(),
    response.status,
    Number.isFinite(retryAfterSeconds) ? retryAfterSeconds * 1000 : undefined,
  );
}
