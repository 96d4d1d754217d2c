import { iso } from '@evergreen/service-kit/clock.ts';
import { v7 as uuidv7 } from 'uuid';
import type { CausedMove } from '../decisions/move.ts';
import type { Statement } from './subscriptions.ts';

/** What is only ever added: the timeline, what became of each paid charge, and what is given back. */

export const insertTimeline = (moves: readonly CausedMove[]): Statement => ({
  name: 'timeline-insert',
  text: `INSERT INTO timeline_entry (id, subscription_id, version, from_status, to_status, trigger,
           cause_type, cause_id, correlation_id, actor_id, actor_role, note, charge_id, skipped_periods, mrr_change, currency, at)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[], $5::text[], $6::text[],
           $7::text[], $8::text[], $9::text[], $10::uuid[], $11::text[], $12::text[], $13::uuid[], $14::int[], $15::bigint[],
           $16::text[], $17::timestamptz[])`,
  values: [
    moves.map(() => uuidv7()),
    moves.map(({ after }) => after.id),
    moves.map(({ after }) => after.version),
    moves.map(({ from }) => from),
    moves.map(({ after }) => after.status),
    moves.map(({ trigger }) => trigger),
    moves.map(({ cause }) => cause.type),
    moves.map(({ cause }) => cause.id),
    moves.map(({ cause }) => cause.correlationId),
    moves.map(({ cause }) => cause.actor?.id ?? null),
    moves.map(({ cause }) => cause.actor?.role ?? null),
    moves.map(({ cause }) => cause.note ?? null),
    moves.map(({ chargeId }) => chargeId),
    moves.map(({ skippedPeriods }) => skippedPeriods),
    moves.map(({ mrrChangeMinor }) => mrrChangeMinor),
    moves.map(({ after }) => after.terms.price.currency),
    moves.map(({ at }) => iso(at)),
  ],
});

/** One that is there already violates the primary key, and the whole transaction with it: money buys one thing, once. */
export function insertPaidCharges(moves: readonly CausedMove[]): Statement | null {
  const rows = moves.flatMap(({ paid, after, at }) => (paid ? [{ paid, after, at }] : []));
  if (rows.length === 0) return null;
  return {
    name: 'paid-charge-insert',
    text: `INSERT INTO paid_charge (charge_id, subscription_id, bought, period_start, period_end, amount, currency, paid_at)
           SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::bigint[],
             $7::text[], $8::timestamptz[])`,
    values: [
      rows.map(({ paid }) => paid.chargeId),
      rows.map(({ after }) => after.id),
      rows.map(({ paid }) => paid.bought),
      rows.map(({ paid }) => paid.period && iso(paid.period.start)),
      rows.map(({ paid }) => paid.period && iso(paid.period.end)),
      rows.map(({ paid }) => paid.amountMinor),
      rows.map(({ after }) => after.terms.price.currency),
      rows.map(({ at }) => iso(at)),
    ],
  };
}

/** Comes after the charges themselves, which it refers to. */
export function insertRefunds(moves: readonly CausedMove[]): Statement | null {
  const rows = moves.flatMap(({ refunds, after, at }) => refunds.map((refund) => ({ refund, after, at })));
  if (rows.length === 0) return null;
  return {
    name: 'refund-asked-insert',
    text: `INSERT INTO refund_asked (id, charge_id, subscription_id, amount, currency, reason, asked_at)
           SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::text[], $7::timestamptz[])`,
    values: [
      rows.map(({ refund }) => refund.id),
      rows.map(({ refund }) => refund.chargeId),
      rows.map(({ after }) => after.id),
      rows.map(({ refund }) => refund.amountMinor),
      rows.map(({ after }) => after.terms.price.currency),
      rows.map(({ refund }) => refund.reason),
      rows.map(({ at }) => iso(at)),
    ],
  };
}

/** Of which of these charges it is known what the money bought. */
export const selectPaid = (chargeIds: readonly string[]): Statement => ({
  name: 'paid-charge-select',
  text: 'SELECT charge_id FROM paid_charge WHERE charge_id = ANY ($1::uuid[])',
  values: [chargeIds],
});

/** Was this extension made? */
export const selectExtension = (causeId: string): Statement => ({
  name: 'timeline-select-extension',
  text: `SELECT FROM timeline_entry WHERE trigger = 'extend' AND cause_id = $1`,
  values: [causeId],
});

/** Is it the database saying that this extension was made already? */
export const isExtendedAlready = (error: unknown): boolean =>
  error instanceof Error && 'constraint' in error && error.constraint === 'timeline_entry_extended_once';
