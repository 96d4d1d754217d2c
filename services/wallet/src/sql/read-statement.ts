/**
 * $1 user id, $2 currency or null, $3 kinds or null, $4 and $5 bounds of the business time or null, $6 the `seq` before which
 * it begins, $7 how many rows. Newest first. Each account is walked along its own index from there, so a short statement in a
 * large ledger never costs a scan of the ledger.
 */
export const READ_STATEMENT = {
  name: 'read-statement',
  text: `
    SELECT line.* FROM account a
    CROSS JOIN LATERAL (
      SELECT seq, id, kind, reference, account_id AS "accountId", credit_account_id AS "creditAccountId", currency, amount,
             balance_after AS "balanceAfter", description, business_time AS "businessTime"
      FROM transfer t
      WHERE t.account_id = a.id AND t.seq < $6
        AND ($3::text[] IS NULL OR t.kind = ANY ($3))
        AND ($4::timestamptz IS NULL OR t.business_time >= $4)
        AND ($5::timestamptz IS NULL OR t.business_time < $5)
      ORDER BY t.seq DESC LIMIT $7
    ) line
    WHERE a.kind = 'user' AND a.user_id = $1 AND ($2::text IS NULL OR a.currency = $2)
    ORDER BY line.seq DESC LIMIT $7`,
};
