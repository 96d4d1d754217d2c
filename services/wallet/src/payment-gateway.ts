import { setTimeout as pause } from 'node:timers/promises';
import { Payment, PaymentRefund } from '@evergreen/contracts/http/gateway.ts';
import { compile } from '@evergreen/service-kit/validation.ts';
import type { FastifyBaseLogger } from 'fastify';
import CircuitBreaker from 'opossum';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** One call may take this long; a slow card takes about 5 s. */
const ATTEMPT_TIMEOUT_MS = 8_000;
const MAX_ATTEMPTS = 4;
const BACKOFF_BASE_MS = 150;
const BACKOFF_MAX_MS = 2_000;
const RETRY_AFTER_MAX_MS = 5_000;
/** The bulkhead: payments under way at once. One more is not begun, so a slow gateway cannot take all of the wallet. */
const MAX_CONCURRENT_PAYMENTS = 100;
const BREAKER = {
  errorThresholdPercentage: 50,
  volumeThreshold: 10,
  rollingCountTimeout: 10_000,
  resetTimeout: 3_000,
  // opossum's own timeout would leave the call running; each call brings a signal that really ends it.
  timeout: false as const,
};

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

export interface PaymentGateway {
  /** Asks for a payment, trying again under the same key while that may help. Never throws. */
  pay(request: PaymentRequest, signal: AbortSignal): Promise<PaymentOutcome>;
  /** Asks for money of a payment to be given back, trying again under the same key while that may help. Never throws. */
  refund(request: RefundRequest, signal: AbortSignal): Promise<PaymentOutcome>;
  /** Asks what became of a payment; `not_found` when the gateway has none under this key. Never throws. */
  find(key: string, signal: AbortSignal): Promise<PaymentOutcome | { status: 'not_found' }>;
  breakerState(): 'closed' | 'open' | 'half_open';
}

/** The gateway did not say what happened. The same call, under the same key, may be made again. */
class NoAnswer extends Error {
  readonly retryAfterMs: number | undefined;
  constructor(message: string, retryAfterMs?: number) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}

const isPayment = compile(Payment);
const isRefund = compile(PaymentRefund);

type Call = (signal: AbortSignal) => Promise<PaymentOutcome | { status: 'not_found' }>;

/**
 * The payment gateway over HTTP: opossum round each single attempt, retries with full jitter round the breaker, the bulkhead
 * outside. A decline is an answer like any other, so it never opens the breaker.
 */
export function paymentGateway(options: {
  url: string;
  apiKey: string;
  logger: FastifyBaseLogger;
  metrics: Registry;
}): PaymentGateway {
  const { logger } = options;
  const seconds = new Histogram({
    name: 'wallet_gateway_attempt_seconds',
    help: 'Time of one call to the payment gateway',
    labelNames: ['outcome'],
    buckets: [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 8],
    registers: [options.metrics],
  });
  const refusals = new Counter({
    name: 'wallet_gateway_not_attempted_total',
    help: 'Calls that were not made, by what stopped them',
    labelNames: ['by'],
    registers: [options.metrics],
  });
  const breaker = new CircuitBreaker((call: Call, signal: AbortSignal) => call(signal), BREAKER);
  const breakerState = () => (breaker.opened ? 'open' : breaker.halfOpen ? 'half_open' : 'closed');
  new Gauge({
    name: 'wallet_gateway_breaker_state',
    help: '0 closed, 1 half open, 2 open',
    registers: [options.metrics],
    collect() {
      this.set({ closed: 0, half_open: 1, open: 2 }[breakerState()]);
    },
  });
  breaker.on('open', () => logger.warn('payment gateway: breaker opened'));
  breaker.on('halfOpen', () => logger.info('payment gateway: breaker half open, the next call is the probe'));
  breaker.on('close', () => logger.info('payment gateway: breaker closed'));
  let underWay = 0;

  const attempt = async (call: Call, signal: AbortSignal): ReturnType<Call> => {
    const stop = seconds.startTimer();
    try {
      const outcome = await breaker.fire(call, AbortSignal.any([signal, AbortSignal.timeout(ATTEMPT_TIMEOUT_MS)]));
      stop({ outcome: outcome.status });
      return outcome;
    } catch (error) {
      if (CircuitBreaker.isOurError(error as Error)) refusals.inc({ by: 'breaker' });
      else stop({ outcome: 'no_answer' });
      throw error;
    }
  };

  const withRetries = async (call: Call, signal: AbortSignal): ReturnType<Call> => {
    for (let tries = 1; ; tries++) {
      try {
        return await attempt(call, signal);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        const final = CircuitBreaker.isOurError(error as Error) || tries === MAX_ATTEMPTS || signal.aborted;
        if (final) return { status: 'unknown', reason };
        logger.debug({ tries, reason }, 'payment gateway gave no answer, trying again');
        await pause(restBeforeRetry(tries, error), undefined, { signal }).catch(() => undefined);
      }
    }
  };

  const guarded = async (call: Call, signal: AbortSignal): ReturnType<Call> => {
    if (underWay >= MAX_CONCURRENT_PAYMENTS) {
      refusals.inc({ by: 'bulkhead' });
      return { status: 'unknown', reason: 'too many payments are under way' };
    }
    underWay++;
    try {
      return await withRetries(call, signal);
    } finally {
      underWay--;
    }
  };

  return {
    breakerState,
    find: (key, signal) => guarded((attemptSignal) => getPayment(options, key, attemptSignal), signal),
    async pay(request, signal) {
      const outcome = await guarded((attemptSignal) => postPayment(options, request, attemptSignal), signal);
      return outcome.status === 'not_found' ? { status: 'unknown', reason: 'the gateway has no such route' } : outcome;
    },
    async refund(request, signal) {
      const outcome = await guarded((attemptSignal) => postRefund(options, request, attemptSignal), signal);
      if (outcome.status !== 'not_found') return outcome;
      return { status: 'declined', code: 'not_found', message: 'The gateway has no such payment' };
    },
  };
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
  const response = await fetch(`${url}/payments`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify(body),
    signal,
  });
  return readOutcome(response, request.key);
}

async function postRefund({ url, apiKey }: Endpoint, { key, paymentId, amount }: RefundRequest, signal: AbortSignal) {
  const response = await fetch(`${url}/payments/${encodeURIComponent(paymentId)}/refunds`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify({ amount }),
    signal,
  });
  return readOutcome(response, key);
}

async function getPayment({ url, apiKey }: Endpoint, key: string, signal: AbortSignal) {
  const response = await fetch(`${url}/payments/by-key/${encodeURIComponent(key)}`, {
    headers: { authorization: `Bearer ${apiKey}` },
    signal,
  });
  return readOutcome(response, key);
}

async function readOutcome(response: Response, key: string): Promise<PaymentOutcome | { status: 'not_found' }> {
  const body: unknown = await response.json().catch(() => undefined);
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
    Number.isFinite(retryAfterSeconds) ? retryAfterSeconds * 1000 : undefined,
  );
}
