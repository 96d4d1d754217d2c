/** Holds an event back: to the relay it looks as if somebody were publishing it until then. */
export const DELAY_EVENT = `
  UPDATE outbox SET leased_until = clock_timestamp() + make_interval(secs => $2::float8 / 1000) WHERE message_id = $1`;

/** A second message with the same event in it, so with the same event id. */
export const DUPLICATE_EVENT = `
  INSERT INTO outbox (message_id, type, body, leased_until)
  SELECT $2, type, body, leased_until FROM outbox WHERE message_id = $1`;
