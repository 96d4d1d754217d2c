/**
 * Keeps a refund unless its key is taken or there is no such payment. Of requests that race with one key the unique index lets one
 * in; the others wait for its commit, and are let in themselves if it is rolled back.
 */
export const INSERT_REFUND = {
  name: 'refund-insert',
  text: `INSERT INTO payment_refund (id, payment_id, idempotency_key, amount, created_at)
         SELECT $1::uuid, id, $3::text, $4::bigint, $5::timestamptz FROM payment WHERE id = $2
         ON CONFLICT (idempotency_key) DO NOTHING`,
};

/**
 * Takes a refund out of what is left of a captured payment; no row when there is not so much left. Refunds of one payment wait
 * here for each other's commit, and each sees what the ones before it have taken.
 */
export const TAKE_FROM_PAYMENT = {
  name: 'refund-take',
  text: `UPDATE payment SET refunded_amount = refunded_amount + $2
         WHERE id = $1 AND status = 'succeeded' AND refunded_amount + $2 <= amount
         RETURNING currency`,
};
