/**
 * Keeps a payment unless its key is taken. Of requests that race with one key the unique index lets one in; the others wait for
 * its commit and get no row.
 */
export const INSERT_PAYMENT = {
  name: 'payment-insert',
  text: `INSERT INTO payment (id, idempotency_key, status, decline_code, amount, currency, payment_method, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (idempotency_key) DO NOTHING
         RETURNING id`,
};
