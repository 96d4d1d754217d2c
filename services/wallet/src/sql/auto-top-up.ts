/** $1 account ids. Which of them may be topped up by themselves; where nobody wants that, the only statement there is. */
export const FIND_ENABLED = {
  name: 'auto-top-up-find-enabled',
  text: `
    SELECT a.id FROM account a
    JOIN auto_top_up s ON s.user_id = a.user_id AND s.currency = a.currency
    WHERE a.id = ANY ($1::uuid[]) AND s.enabled AND s.payment_method_id IS NOT NULL`,
};

/**
 * $1 ids of accounts the caller has locked, $2 now. All that a decision about them needs. A statement of its own after the
 * locks, so that it sees what the transactions before us committed.
 */
export const READ_AUTO_TOP_UPS = {
  name: 'auto-top-up-read',
  text: `
    SELECT a.id AS "accountId", s.user_id AS "userId", s.currency, s.threshold, s.amount, s.max_per_day AS "maxPerDay",
           s.rests_until AS "restsUntil", s.last_failure AS "lastFailure", m.token, a.balance,
           waiting.total AS waiting, waiting.correlation_id AS "waitingCorrelationId",
           processing.total AS "onItsWay", processing.is_under_way AS "isUnderWay",
           recent.total AS taken, recent.since AS "takenSince"
    FROM account a
    JOIN auto_top_up s ON s.user_id = a.user_id AND s.currency = a.currency AND s.enabled
    JOIN payment_method m ON m.id = s.payment_method_id
    CROSS JOIN LATERAL (
      SELECT least(coalesce(sum(c.amount), 0), 9007199254740991)::bigint AS total,
             (array_agg(c.correlation_id ORDER BY c.seq))[1] AS correlation_id
      FROM charge c WHERE c.account_id = a.id AND c.status = 'awaiting_funds') waiting
    CROSS JOIN LATERAL (
      SELECT least(coalesce(sum(t.amount), 0), 9007199254740991)::bigint AS total,
             coalesce(bool_or(t.origin = 'auto'), false) AS is_under_way
      FROM top_up t WHERE t.user_id = a.user_id AND t.currency = a.currency AND t.status = 'processing') processing
    CROSS JOIN LATERAL (
      SELECT least(coalesce(sum(t.amount), 0), 9007199254740991)::bigint AS total, min(t.business_time) AS since
      FROM top_up t
      WHERE t.user_id = a.user_id AND t.currency = a.currency AND t.origin = 'auto'
        AND t.status IN ('processing', 'succeeded') AND t.business_time > $2::timestamptz - interval '24 hours') recent
    WHERE a.id = ANY ($1::uuid[])
    ORDER BY a.id`,
};

/**
 * $1 id, $2 user, $3 amount, $4 currency, $5 token, $6 now, $7 correlation id. Due at once, for the completer. No two of an
 * account are decided at a time, since both would need its lock; the index is the last word on it.
 */
export const INSERT_AUTO_TOP_UP = {
  name: 'auto-top-up-insert',
  text: `
    INSERT INTO top_up (id, user_id, amount, currency, payment_method, origin, status, next_attempt_at, business_time,
                        correlation_id)
    VALUES ($1, $2, $3, $4, $5, 'auto', 'processing', clock_timestamp(), $6, $7)
    ON CONFLICT (user_id, currency) WHERE origin = 'auto' AND status = 'processing' DO NOTHING`,
};

/** $1 user, $2 currency, $3 rests until, $4 last failure; nothing is written when nothing changes. */
export const SET_REST = {
  name: 'auto-top-up-set-rest',
  text: `
    UPDATE auto_top_up SET rests_until = $3, last_failure = $4
    WHERE user_id = $1 AND currency = $2 AND (rests_until, last_failure) IS DISTINCT FROM ($3::timestamptz, $4::text)`,
};

/** $1 user, $2 currency. The account waits for its cap meanwhile, if the same transaction has just decided so. */
export const NOTE_SUCCESS = {
  name: 'auto-top-up-note-success',
  text: `
    UPDATE auto_top_up SET declines = 0,
           rests_until = CASE WHEN last_failure = 'daily_cap' THEN rests_until END,
           last_failure = CASE WHEN last_failure = 'daily_cap' THEN last_failure END
    WHERE user_id = $1 AND currency = $2`,
};

/** $1 user, $2 currency, $3 the decline code; answers how many declines in a row that makes. */
export const NOTE_DECLINE = {
  name: 'auto-top-up-note-decline',
  text: `
    UPDATE auto_top_up SET declines = declines + 1, last_failure = $3
    WHERE user_id = $1 AND currency = $2 RETURNING declines`,
};

/** $1 now, $2 at most so many: accounts whose rest is over, the longest over first. */
export const FIND_RESTED = {
  name: 'auto-top-up-find-rested',
  text: `
    SELECT user_id AS "userId", currency FROM auto_top_up
    WHERE enabled AND rests_until <= $1 ORDER BY rests_until LIMIT $2`,
};

/** $1 user, $2 currency, $3 now. A rest that was begun meanwhile stays. */
export const END_REST = {
  name: 'auto-top-up-end-rest',
  text: `UPDATE auto_top_up SET rests_until = NULL WHERE user_id = $1 AND currency = $2 AND rests_until <= $3`,
};
