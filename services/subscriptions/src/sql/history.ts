import { iso } from '@evergreen/service-kit/clock.ts';
import { v7 as uuidv7 } from 'uuid';
import type { CausedMove, GrantedPeriod } from '../decisions/move.ts';
import type { Subscription } from '../decisions/subscription.ts';
import type { Statement } from './subscriptions.ts';

/** What is only ever added: the timeline, and the periods that were paid for. */

export const insertTimeline = (moves: readonly CausedMove[]): Statement => ({
  name: 'timeline-insert',
  text: `INSERT INTO timeline_entry (id, subscription_id, version, from_status, to_status, trigger,
           cause_type, cause_id, correlation_id, charge_id, skipped_periods, at)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[], $5::text[], $6::text[],
           $7::text[], $8::text[], $9::text[], $10::uuid[], $11::int[], $12::timestamptz[])`,
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
    moves.map(({ chargeId }) => chargeId),
    moves.map(({ skippedPeriods }) => skippedPeriods),
    moves.map(({ at }) => iso(at)),
  ],
});

export interface Grant {
  granted: GrantedPeriod;
  subscription: Subscription;
  at: Temporal.Instant;
}

/** A charge that has bought its period already violates the primary key, and the whole transaction with it. */
export const insertGrantedPeriods = (grants: readonly Grant[]): Statement => ({
  name: 'granted-period-insert',
  text: `INSERT INTO granted_period (charge_id, subscription_id, period_start, period_end, amount, currency, granted_at)
         SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::bigint[], $6::text[],
           $7::timestamptz[])`,
  values: [
    grants.map(({ granted }) => granted.chargeId),
    grants.map(({ subscription }) => subscription.id),
    grants.map(({ granted }) => iso(granted.period.start)),
    grants.map(({ granted }) => iso(granted.period.end)),
    grants.map(({ granted }) => granted.amountMinor),
    grants.map(({ subscription }) => subscription.terms.price.currency),
    grants.map(({ at }) => iso(at)),
  ],
});

/** Which of these charges have bought their period. */
export const selectGranted = (chargeIds: readonly string[]): Statement => ({
  name: 'granted-period-select',
  text: 'SELECT charge_id FROM granted_period WHERE charge_id = ANY ($1::uuid[])',
  values: [chargeIds],
});
