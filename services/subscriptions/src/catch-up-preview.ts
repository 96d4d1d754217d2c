import type { CatchUpItem, CatchUpPreview } from '@evergreen/contracts/http/subscription-operations.ts';
import type { SubscriptionStatus } from '@evergreen/contracts/http/subscriptions.ts';
import type { PageQuery } from '@evergreen/contracts/primitives.ts';
import { type Clock, iso } from '@evergreen/service-kit/clock.ts';
import { notACursor } from '@evergreen/service-kit/page.ts';
import type { FastifyBaseLogger } from 'fastify';
import type pg from 'pg';
import { readNow } from './business-time.ts';
import { catchUpOf } from './decisions/catch-up.ts';
import type { Terms } from './decisions/subscription.ts';
import { sumCharges } from './sql/catch-up.ts';
import { readBacklog } from './sql/due.ts';
import { selectNewTerms } from './sql/plan-versions.ts';
import { type DueCursor, selectDue } from './sql/subscriptions.ts';
import { isoPeriod } from './subscription-events.ts';
import { fromRow, type SubscriptionRow } from './subscription-row.ts';

/**
 * What the scheduler would do with all that is due, one page of it, and what it would ask for in all. It writes nothing.
 * @throws Problem validation_failed for a cursor that is none
 */
export async function previewCatchUp(
  { pool, clock }: { pool: pg.Pool; clock: Clock },
  { limit = 20, cursor }: PageQuery,
  log: FastifyBaseLogger,
): Promise<CatchUpPreview> {
  const after = cursor === undefined ? null : decodeCursor(cursor);
  const now = await readNow(clock);
  const { due, pausedAt } = await readBacklog(pool, now);
  const { rows } = await pool.query<SubscriptionRow>(selectDue(iso(now), after, limit + 1));
  const shown = rows.slice(0, limit);
  const newTerms = await selectNewTerms(
    pool,
    shown.map(({ id }) => id),
  );
  const last = rows.length > limit ? shown.at(-1) : undefined;
  return {
    now: iso(now),
    paused: pausedAt !== null,
    due,
    charges: await sumCharges(pool, now),
    data: shown.map((row) => itemOf(row, { now, newTerms: newTerms.get(row.id) ?? null, log })),
    nextCursor: last ? encodeCursor(last) : null,
  };
}

function itemOf(
  row: SubscriptionRow,
  { now, newTerms, log }: { now: Temporal.Instant; newTerms: Terms | null; log: FastifyBaseLogger },
): CatchUpItem {
  const { id: subscriptionId, userId, planName } = row;
  const facts = { subscriptionId, userId, status: row.status as SubscriptionStatus };
  try {
    const { action, since, terms, charge, skippedPeriods } = catchUpOf(fromRow(row), now, newTerms);
    return {
      ...facts,
      planName: terms.planName,
      action,
      dueSince: iso(since),
      amount: charge && { amount: charge.amountMinor, currency: terms.price.currency },
      period: charge && isoPeriod(charge.period),
      skippedPeriods,
    };
  } catch (err) {
    // One that cannot be moved is what an operator most needs to see before the others are.
    log.warn({ err, subscriptionId }, 'a due subscription cannot be moved');
    const dueSince = row.nextActionAt?.toISOString() ?? iso(now);
    return { ...facts, planName, action: 'stuck', dueSince, amount: null, period: null, skippedPeriods: 0 };
  }
}

/** Milliseconds and id of the last row shown. */
const CURSOR = /^(\d{1,14})\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

const encodeCursor = ({ nextActionAt, id }: SubscriptionRow): string =>
  Buffer.from(`${nextActionAt?.getTime()}/${id}`).toString('base64url');

/** @throws Problem validation_failed */
function decodeCursor(cursor: string): DueCursor {
  const [, ms, id] = CURSOR.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (ms !== undefined && id !== undefined) {
    return { at: iso(Temporal.Instant.fromEpochMilliseconds(Number(ms))), id };
  }
  throw notACursor();
}
