import type { Rig } from './rig.ts';

/** Rows written past the service, where getting there by its routes would take the test too long. */

/** Ends every subscription as it is: what one test leaves would fall due in the next. */
export const endAll = (rig: Rig) =>
  rig.pool.query(
    `UPDATE subscription SET status = 'expired', next_action_at = NULL, change = NULL, charge_id = NULL, charge_state = NULL,
       charge_amount = NULL, charge_period_start = NULL, charge_period_end = NULL, charge_period_number = NULL,
       charge_asked_at = NULL, charge_ask_again_at = NULL, charge_shortfall = NULL, charge_version = NULL`,
  );

/** Copies of a subscription for as many users, and nothing else that the schedulers do not need. */
export const copySubscription = (rig: Rig, id: string, count: number) =>
  rig.pool.query(
    `INSERT INTO subscription
     SELECT (jsonb_populate_record(s, jsonb_build_object('id', gen_random_uuid(), 'user_id', gen_random_uuid(),
       'seq', nextval('subscription_seq_seq')))).*
     FROM subscription s, generate_series(1, $2) WHERE s.id = $1`,
    [id, count],
  );
