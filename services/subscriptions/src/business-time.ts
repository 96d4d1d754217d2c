import type { Clock } from '@evergreen/service-kit/clock.ts';

/** Business time in whole milliseconds, as the database keeps it: what is compared is then what was stored. */
export const readNow = async (clock: Clock): Promise<Temporal.Instant> =>
  (await clock.now()).round({ smallestUnit: 'millisecond', roundingMode: 'floor' });
