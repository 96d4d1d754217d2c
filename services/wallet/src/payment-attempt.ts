import { type Clock, iso } from '@evergreen/service-kit/clock.ts';
import type { FastifyBaseLogger } from 'fastify';
import type pg from 'pg';
import type { PaymentAttempt } from './payment-gateway.ts';

/**
 * Attempts kept of one top-up or refund. An outage of hours makes thousands of them, and the first tell all there is to tell; those that
 * ended it are kept besides, and there are few of them, since nothing is tried after them.
 */
export const MAX_ATTEMPTS_KEPT = 50;

/**
 * Keeps what was tried at the payment gateway, for the explanation of a transaction. A record that cannot be written is
 * logged and left out: no payment fails for it, so the function it answers with never rejects.
 */
export function attemptRecorder(deps: { pool: pg.Pool; clock: Clock; logger: FastifyBaseLogger }) {
  return async ({ subjectId, operation, outcome, durationMs }: PaymentAttempt): Promise<void> => {
    try {
      const startedAt = iso((await deps.clock.now()).subtract({ milliseconds: durationMs }));
      await deps.pool.query({
        name: 'keep-attempt',
        text: `INSERT INTO payment_attempt (subject_id, operation, outcome, started_at, duration_ms)
               SELECT $1, $2, $3, $4, $5
               WHERE $3 IN ('succeeded', 'declined')
                  OR (SELECT count(*) FROM payment_attempt WHERE subject_id = $1) < ${MAX_ATTEMPTS_KEPT}`,
        values: [subjectId, operation, outcome, startedAt, durationMs],
      });
    } catch (err) {
      deps.logger.warn({ err, subjectId, operation, outcome }, 'payment attempt not kept');
    }
  };
}
