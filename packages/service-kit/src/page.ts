import { invalidField, type Problem } from './problem.ts';

/** The place in a list a cursor stands for: the sequence number of the last row shown. */
export function decodeCursor(cursor: string): bigint {
  const text = Buffer.from(cursor, 'base64url').toString();
  if (/^\d{1,18}$/.test(text)) return BigInt(text);
  throw notACursor();
}

/** The same for a list in the order of its ids: the id of the last row shown. */
export function decodeIdCursor(cursor: string): string {
  const text = Buffer.from(cursor, 'base64url').toString();
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)) return text;
  throw notACursor();
}

/** For lists whose cursor is not a sequence number. */
export const notACursor = (): Problem => invalidField('query.cursor', 'is not a cursor of this list');

/**
 * One page of a list that is read newest first by `seq`. Give it one row more than `limit`: whether that one is there tells
 * whether there is a next page.
 */
export const pageOf = <Row extends { seq: bigint | number }, Item>(
  rows: readonly Row[],
  limit: number,
  itemOf: (row: Row) => Item,
): { data: Item[]; nextCursor: string | null } => pageBy(({ seq }) => String(seq), rows, limit, itemOf);

/** One page of a list that is read newest first by `id`, a UUIDv7. */
export const idPageOf = <Row extends { id: string }, Item>(
  rows: readonly Row[],
  limit: number,
  itemOf: (row: Row) => Item,
): { data: Item[]; nextCursor: string | null } => pageBy(({ id }) => id, rows, limit, itemOf);

function pageBy<Row, Item>(
  placeOf: (row: Row) => string,
  rows: readonly Row[],
  limit: number,
  itemOf: (row: Row) => Item,
) {
  const shown = rows.slice(0, limit);
  const last = rows.length > limit ? shown.at(-1) : undefined;
  return { data: shown.map(itemOf), nextCursor: last ? Buffer.from(placeOf(last)).toString('base64url') : null };
}
