import type pg from 'pg';

/** Tells the business time: real time, or real time plus the offset an operator has moved the billing clock by. */
export interface Clock {
  readonly simulated: boolean;
  now(): Promise<Temporal.Instant>;
}

/**
 * The clock of a service. Where it is simulated, the offset is read from the service's own table `billing_clock` each time,
 * so all replicas agree; where it is not, nothing is read.
 */
export function openClock({ simulated, pool }: { simulated: boolean; pool: pg.Pool }): Clock {
  if (!simulated) return { simulated, now: async () => Temporal.Now.instant() };
  return {
    simulated,
    now: async () => Temporal.Now.instant().add({ milliseconds: await readOffsetMs(pool) }),
  };
}

/** Milliseconds the simulated clock is ahead of real time; 0 before it was ever moved. */
export async function readOffsetMs(db: Pick<pg.Pool, 'query'>): Promise<number> {
  const { rows } = await db.query<{ offset_ms: number }>({
    name: 'clock-read',
    text: 'SELECT offset_ms FROM billing_clock',
  });
  return rows[0]?.offset_ms ?? 0;
}

/** Moves the clock forward. An older, smaller offset that arrives late changes nothing: time never runs back. */
export async function raiseOffsetMs(db: Pick<pg.Pool, 'query'>, offsetMs: number): Promise<void> {
  await db.query(
    `INSERT INTO billing_clock (id, offset_ms) VALUES (true, $1)
     ON CONFLICT (id) DO UPDATE SET offset_ms = greatest(billing_clock.offset_ms, excluded.offset_ms)`,
    [offsetMs],
  );
}

/** RFC 3339 with milliseconds, the one form of time in events and answers. */
export const iso = (instant: Temporal.Instant): string => instant.toString({ smallestUnit: 'millisecond' });
