import { readFileSync } from 'node:fs';

export type Unit = 'day' | 'week' | 'month' | 'year';

/** A row of dates computed apart from the code under test, as the file of vectors holds it, or the later part of one. */
export interface Vector {
  shows: string;
  unit: Unit;
  count: number;
  timeZone: string;
  /** Where each period starts, the anchor first. */
  starts: Temporal.Instant[];
}

interface Line {
  wallClock: string;
  at: Temporal.Instant;
}

const FILE = new URL('../../services/subscriptions/test/period-vectors.txt', import.meta.url);

/**
 * The vectors as one can enter them between `from` and `to`: each from its first line within that has the anchor's day and time,
 * from which on the dates are the same. Those that have none are left out.
 */
export function vectorsBetween(from: Temporal.Instant, to: Temporal.Instant): Vector[] {
  const isWithin = ({ at }: Line) => Temporal.Instant.compare(from, at) < 0 && Temporal.Instant.compare(at, to) < 0;
  const blocks = readFileSync(FILE, 'utf8').split('\n\n## ').slice(1);
  return blocks.flatMap((block) => {
    const { lines, ...vector } = read(block);
    const [anchor] = lines;
    const entry = lines.findIndex((line) => isWithin(line) && anchor && mayBeAnchor(line, anchor, vector.unit));
    return entry < 0 ? [] : [{ ...vector, starts: lines.slice(entry).map(({ at }) => at) }];
  });
}

function read(block: string): Omit<Vector, 'starts'> & { lines: Line[] } {
  const [shows = '', every = '', ...rows] = block.trim().split('\n');
  const [, count, unit, timeZone] = /^every (\d+) (day|week|month|year)s? in (\S+)$/.exec(every) ?? [];
  if (!count || !unit || !timeZone) throw new Error(`cannot read the vector "${shows}"`);
  const lines = rows.map((row) => ({ wallClock: row, at: Temporal.Instant.from(row.replace(/ (?=[+-])/, '')) }));
  return { shows, unit: unit as Unit, count: Number(count), timeZone, lines };
}

/** The same time of day, and for months and years the same day and month of it that does not come back by itself. */
function mayBeAnchor(line: Line, anchor: Line, unit: Unit): boolean {
  const [date = '', time] = line.wallClock.split(' ');
  const [anchorDate = '', anchorTime] = anchor.wallClock.split(' ');
  const isSameDay = unit === 'day' || unit === 'week' || date.slice(-2) === anchorDate.slice(-2);
  return time === anchorTime && isSameDay;
}

/** Where period `number` starts: that many intervals after the anchor, on the customer's calendar. */
export function startOfPeriod(
  anchor: Temporal.Instant,
  { unit, count, timeZone }: Pick<Vector, 'unit' | 'count' | 'timeZone'>,
  number: number,
): Temporal.Instant {
  const duration = { [`${unit}s`]: number * count };
  return anchor.toZonedDateTimeISO(timeZone).add(duration).toInstant();
}
