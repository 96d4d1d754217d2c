import { Readable } from 'node:stream';
import type { StatementQuery, Transaction } from '@evergreen/contracts/http/wallet.ts';
import type pg from 'pg';
import { readStatement, type StatementRow, transactionOf } from './statement.ts';

const PAGE_ROWS = 500;
const COLUMNS = 'createdAt,id,kind,amount,currency,balanceAfter,description,referenceType,referenceId\r\n';

/**
 * The whole filtered statement as CSV (RFC 4180), newest first, read page by page as fast as it is taken: two pages are in
 * memory at most, and no connection is held in between. What is booked meanwhile is newer than its first line, and not in it.
 * The first page is read before this answers, so most errors come before the first byte.
 * @throws Problem validation_failed when `from` or `to` is out of range
 */
export async function openStatementCsv(pool: pg.Pool, userId: string, query: StatementQuery): Promise<Readable> {
  const { limit: _limit, cursor: _cursor, ...filter } = query;
  const readPage = (before?: bigint) => readStatement(pool, userId, { ...filter, before, take: PAGE_ROWS });
  return Readable.from(csvPages(await readPage(), readPage), { objectMode: false });
}

async function* csvPages(first: StatementRow[], readPage: (before: bigint) => Promise<StatementRow[]>) {
  yield COLUMNS;
  for (let page = first; page.length > 0; ) {
    yield page.map((row) => csvLine(transactionOf(row))).join('');
    const last = page.at(-1);
    if (!last || page.length < PAGE_ROWS) return;
    page = await readPage(BigInt(last.seq));
  }
}

function csvLine({ createdAt, id, kind, amount, currency, balanceAfter, description, reference }: Transaction): string {
  const fields = [
    createdAt,
    id,
    kind,
    amount,
    currency,
    balanceAfter,
    asText(description),
    reference.type,
    reference.id,
  ];
  return `${fields.map(quoted).join(',')}\r\n`;
}

/** A spreadsheet would run a cell that begins like this as a formula (OWASP, CSV injection). */
const asText = (text: string): string => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text);

/** RFC 4180: what holds a comma, a quote or a line break stands in quotes, and quotes in it are doubled. */
function quoted(field: string | number): string {
  const text = String(field);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Whether a request asks for CSV rather than JSON (RFC 9110 section 12.5.1). JSON is what it gets unless it names CSV. */
export function prefersCsv(accept: string | undefined): boolean {
  const weightOf = (wanted: string): number | undefined => {
    for (const range of (accept ?? '').toLowerCase().split(',')) {
      const [type, ...parameters] = range.split(';').map((part) => part.trim());
      if (type !== wanted) continue;
      const weight = parameters.find((parameter) => parameter.startsWith('q='));
      return weight ? Number(weight.slice(2)) || 0 : 1;
    }
    return undefined;
  };
  const csv = weightOf('text/csv') ?? 0;
  return csv > 0 && csv >= (weightOf('application/json') ?? 0);
}
