import { RefundDue } from '@evergreen/contracts/events/subscriptions.ts';
import type { Currency } from '@evergreen/contracts/money.ts';
import { newEvent } from '@evergreen/service-kit/events.ts';
import { runSayAgain } from '@evergreen/service-kit/say-again.ts';

/*
 * Asks the wallet once more for the refunds of the last days, after a broker was lost: they are asked for once, and nobody here
 * learns whether they were made. The wallet knows each by its id, and makes it once.
 *
 *   DATABASE_URL=... node services/subscriptions/src/say-again.ts --days 3
 */

interface AskedRow {
  id: string;
  chargeId: string;
  subscriptionId: string;
  userId: string;
  amount: number;
  currency: Currency;
  reason: string;
  askedAt: Date;
  correlationId: string | null;
  causationId: string | null;
}

await runSayAgain<AskedRow>({
  what: 'refunds that are due',
  // Amounts are below 2^53, which float8 holds exactly.
  select: `
    SELECT r.id, r.charge_id AS "chargeId", r.subscription_id AS "subscriptionId", s.user_id AS "userId",
           r.amount::float8 AS amount, r.currency, r.reason, r.asked_at AS "askedAt",
           move.correlation_id AS "correlationId",
           CASE WHEN move.cause_type LIKE 'evergreen.%' THEN move.cause_id END AS "causationId"
    FROM refund_asked r JOIN subscription s ON s.id = r.subscription_id
    LEFT JOIN LATERAL (
      SELECT correlation_id, cause_type, cause_id FROM timeline_entry t
      WHERE t.subscription_id = r.subscription_id AND t.at = r.asked_at AND t.trigger IN ('cancel_now', 'paid')
      ORDER BY version DESC LIMIT 1) move ON true
    WHERE r.created_at >= $1 AND r.id > $2 ORDER BY r.id LIMIT $3`,
  eventOf({ id, askedAt, correlationId, causationId, ...refund }) {
    const businessTime = askedAt.toISOString();
    return newEvent(RefundDue, {
      subject: refund.subscriptionId,
      data: { refundId: id, ...refund, businessTime },
      time: businessTime,
      correlationId: correlationId ?? id,
      ...(causationId !== null && { causationId }),
    });
  },
});
