import type { Envelope } from '@evergreen/contracts/envelope.ts';
import { runSayAgain } from '@evergreen/service-kit/say-again.ts';
import { eventsOf } from './ledger-events.ts';
import { type ChargeRow, chargeOf } from './ledger-store.ts';

/*
 * Tells once more which charges were paid in the last days, after a broker was lost: a charge that waited for funds is not asked
 * about again before the days of grace are over. Whoever has heard of it passes it over.
 *
 *   DATABASE_URL=... node services/wallet/src/say-again.ts --days 3
 */

interface PaidRow extends ChargeRow {
  balance_after: number;
  cause_type: string;
  causation_id: string | null;
  cause_correlation_id: string;
}

await runSayAgain<PaidRow>({
  what: 'charges that are paid',
  // As it was when it was paid: each refund since has raised the version, by which others tell what they know from what is new.
  // Amounts are below 2^53, which float8 holds exactly.
  select: `
    SELECT c.id, c.user_id, c.subscription_id, c.amount::float8 AS amount, c.currency, c.description, c.plan_name, c.upgrade,
           c.period_start, c.period_end, c.requested_at, 'paid' AS status, 0 AS refunded_amount, c.settled_at, c.correlation_id,
           c.version - (SELECT count(*)::int FROM refund r JOIN transfer back ON back.kind = 'refund' AND back.reference = r.id
                        WHERE r.charge_id = c.id) AS version,
           t.balance_after::float8 AS balance_after, t.cause_type, t.causation_id, t.correlation_id AS cause_correlation_id
    FROM transfer t JOIN charge c ON c.id = t.reference
    WHERE t.kind = 'charge' AND t.created_at >= $1 AND t.reference > $2 ORDER BY t.reference LIMIT $3`,
  eventOf(row): Envelope {
    const cause = { type: row.cause_type, correlationId: row.cause_correlation_id, causationId: row.causation_id };
    const [event] = eventsOf([{ type: 'paid', charge: chargeOf(row), balanceAfter: row.balance_after, cause }]);
    if (!event) throw new Error(`there is nothing to say of charge ${row.id}`);
    return event;
  },
});
