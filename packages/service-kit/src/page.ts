import { invalidField, type Problem } from './problem.ts';

/** The place in a list a cursor stands for: the sequence number of the last row shown. */
export function decodeCursor(cursor: string): bigint {
  const text = Buffer.from(cursor, 'base64url').toString();
  if (/^\d{1,18}$/.test(text)) return BigInt(text);
  throw notACursor();
}

/** For lists whose cursor is not a sequence number. */
export const notACursor = (): Problem => invalidField('query.cursor', 'is not a cursor of this list');

/**
 * One page of a list that is read newest first by `seq`. Give it one row more than `limit`: whether that one is there tells
 * whether there is a next page.
 */
export function pageOf<Row extends { seq: bigint | number }, Item>(
  rows: readonly Row[],
  limit: number,
  itemOf: (row: Row) => Item,
): { data: Item[]; nextCursor: string | null } {
  const shown = rows.slice(0, limit);
  const last = rows.length > limit ? shown.at(-1) : undefined;
  return { data: shown.map(itemOf), nextCursor: last ? Buffer.from(String(last.seq)).toString('base64url') : null };
}
