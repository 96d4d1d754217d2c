import type { FaultRates, Faults } from '@evergreen/contracts/http/gateway.ts';

/** How an attempt ends other than with its answer. Only the two `...AfterCapture` decide the payment first. */
export type Fault =
  | 'error500'
  | 'unavailable503'
  | 'timeoutBeforeCapture'
  | 'timeoutAfterCapture'
  | 'resetBeforeCapture'
  | 'resetAfterCapture';

/** All that chance decides about one attempt to pay or to refund; for a refund, captured means given back. */
export interface Outcome {
  /** Before anything is decided, 0 to 60,000. */
  latencyMs: number;
  fault: Fault | undefined;
  /** The card issuer refuses a payment, whatever the card. It never refuses a refund. */
  declined: boolean;
  eventCopies: 1 | 2;
  /** How long the event is held back after the payment was decided. */
  eventDelayMs: number;
}

export const MAX_LATENCY_MS = 60_000;
export const LATE_EVENT_MS = 3_000;

/** 99 of 100 draws of a standard normal distribution are below this. */
const Z_99 = 2.3263478740408408;

/** Rates that exclude each other: one attempt has at most one of these faults. */
const EXCLUSIVE = [
  'error500',
  'unavailable503',
  'timeoutBeforeCapture',
  'timeoutAfterCapture',
  'connectionReset',
] as const satisfies (keyof FaultRates)[];

/**
 * What happens to attempt `attempt` (1 or more) under a setting. The same setting, seed and attempt give the same outcome, on any
 * replica. Every draw is made each time, so changing one rate moves no other draw.
 */
export function outcomeOf({ seed, latency, rates }: Faults, attempt: number): Outcome {
  const random = randomOf(seed, attempt);
  const latencyMs = latencyOf(latency, random(), random());
  const fault = exclusiveFault(rates, random());
  const afterCapture = random() < 0.5;
  const declined = random() < rates.declined;
  const duplicate = random() < rates.duplicateEvent;
  const late = random() < rates.lateEvent;
  const reset = afterCapture ? 'resetAfterCapture' : 'resetBeforeCapture';
  return {
    latencyMs,
    fault: fault === 'connectionReset' ? reset : fault,
    declined,
    eventCopies: duplicate ? 2 : 1,
    eventDelayMs: late ? LATE_EVENT_MS : 0,
  };
}

/** Whether an attempt gets as far as the card: if not, nothing is kept, and nothing ever will be for this attempt. */
export function reachesCard(
  fault: Fault | undefined,
): fault is 'timeoutAfterCapture' | 'resetAfterCapture' | undefined {
  return fault === undefined || fault === 'timeoutAfterCapture' || fault === 'resetAfterCapture';
}

/**
 * Each rate is its share of all attempts. Where the rates add up to more than 1 the rarer ones give way, so a rate of 1 always
 * comes true.
 */
function exclusiveFault(rates: FaultRates, draw: number): (typeof EXCLUSIVE)[number] | undefined {
  let bound = 0;
  return EXCLUSIVE.toSorted((a, b) => rates[b] - rates[a]).find((name) => {
    bound += rates[name];
    return draw < bound;
  });
}

/** A log-normal distribution through p50 and p99, which is how the answer times of real services are spread. */
function latencyOf({ p50Ms, p99Ms }: Faults['latency'], draw1: number, draw2: number): number {
  if (p99Ms === 0) return 0;
  const medianMs = Math.max(1, p50Ms);
  const sigma = Math.log(Math.max(p99Ms, medianMs) / medianMs) / Z_99;
  // Box-Muller: two even draws make a normal one. 1 - draw is never 0, whose logarithm there is not.
  const normal = Math.sqrt(-2 * Math.log(1 - draw1)) * Math.cos(2 * Math.PI * draw2);
  return Math.min(MAX_LATENCY_MS, Math.round(medianMs * Math.exp(sigma * normal)));
}

/** mulberry32: even draws in [0, 1) from 32 bits of state, begun anew for every attempt. */
function randomOf(seed: number, attempt: number): () => number {
  let state = scatter(seed ^ scatter(attempt));
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The finaliser of MurmurHash3: neighbouring numbers come out with nothing in common. */
function scatter(value: number): number {
  let bits = value | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
