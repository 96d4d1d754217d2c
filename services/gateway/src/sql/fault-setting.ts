const COLUMNS = `seed, latency_p50_ms AS "latencyP50Ms", latency_p99_ms AS "latencyP99Ms", rates, outage`;

export const READ_OUTAGE = { name: 'outage-read', text: 'SELECT outage FROM fault_setting' };

/** Numbers an attempt to pay or to refund, 1 for the first since the seed was set, and reads the setting it runs under. */
export const NEXT_ATTEMPT = {
  name: 'attempt-next',
  text: `SELECT (nextval('payment_attempt') - counted_from) AS attempt, ${COLUMNS} FROM fault_setting`,
};

/** What is null keeps its value, and so does a rate that is not named. Setting the seed, also to what it was, counts anew. */
export const CHANGE_FAULTS = {
  name: 'faults-change',
  text: `UPDATE fault_setting SET
           seed = coalesce($1, seed),
           counted_from = CASE WHEN $1 IS NULL THEN counted_from ELSE nextval('payment_attempt') END,
           latency_p50_ms = coalesce($2, latency_p50_ms),
           latency_p99_ms = coalesce($3, latency_p99_ms),
           rates = rates || coalesce($4::jsonb, '{}'),
           outage = coalesce($5, outage)
         RETURNING ${COLUMNS}`,
};
