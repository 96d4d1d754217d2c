import type { schemas } from '@evergreen/client/generated/api.ts';

export type Faults = schemas['Faults'];
export type Rate = keyof Faults['rates'];

export const RATES: readonly Rate[] = [
  'error500',
  'unavailable503',
  'declined',
  'timeoutBeforeCapture',
  'timeoutAfterCapture',
  'connectionReset',
  'duplicateEvent',
  'lateEvent',
];

const NO_FAULTS: Faults['rates'] = {
  error500: 0,
  unavailable503: 0,
  declined: 0,
  timeoutBeforeCapture: 0,
  timeoutAfterCapture: 0,
  connectionReset: 0,
  duplicateEvent: 0,
  lateEvent: 0,
};

export type Preset = 'calm' | 'real' | 'flaky' | 'slow' | 'answerLost' | 'declining' | 'down';

/** Whole settings but for the seed, so that one is left as it began by the next. */
export const PRESETS: Readonly<Record<Preset, Omit<Faults, 'seed'>>> = {
  calm: { latency: { p50Ms: 20, p99Ms: 60 }, rates: NO_FAULTS, outage: false },
  real: {
    latency: { p50Ms: 120, p99Ms: 900 },
    rates: { ...NO_FAULTS, error500: 0.02, unavailable503: 0.03 },
    outage: false,
  },
  flaky: {
    latency: { p50Ms: 200, p99Ms: 2_500 },
    rates: {
      ...NO_FAULTS,
      error500: 0.2,
      unavailable503: 0.15,
      connectionReset: 0.1,
      duplicateEvent: 0.1,
      lateEvent: 0.1,
    },
    outage: false,
  },
  slow: { latency: { p50Ms: 4_000, p99Ms: 7_000 }, rates: NO_FAULTS, outage: false },
  answerLost: {
    latency: { p50Ms: 20, p99Ms: 60 },
    rates: { ...NO_FAULTS, timeoutAfterCapture: 1 },
    outage: false,
  },
  declining: { latency: { p50Ms: 20, p99Ms: 60 }, rates: { ...NO_FAULTS, declined: 1 }, outage: false },
  down: { latency: { p50Ms: 20, p99Ms: 60 }, rates: NO_FAULTS, outage: true },
};

/** The preset these settings are, if they are one. */
export const presetOf = (faults: Faults): Preset | undefined =>
  (Object.keys(PRESETS) as Preset[]).find((name) => {
    const { latency, rates, outage } = PRESETS[name];
    return (
      outage === faults.outage &&
      latency.p50Ms === faults.latency.p50Ms &&
      latency.p99Ms === faults.latency.p99Ms &&
      RATES.every((rate) => rates[rate] === faults.rates[rate])
    );
  });
