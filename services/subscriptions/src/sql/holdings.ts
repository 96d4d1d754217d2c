import type pg from 'pg';
import type { Subscription } from '../decisions/subscription.ts';
import type { Statement } from './subscriptions.ts';

/** The plans a subscription has taken: the one it is on, and the one it changes to. */
export const plansHeldBy = ({ status, terms, change }: Subscription): string[] =>
  status === 'expired' ? [] : [...new Set([terms.planId, ...(change ? [change.planId] : [])])];

export const deleteHoldings = (subscriptions: readonly Subscription[]): Statement => ({
  name: 'plan-holding-delete',
  text: 'DELETE FROM plan_holding WHERE subscription_id = ANY ($1::uuid[])',
  values: [subscriptions.map(({ id }) => id)],
});

/** A plan the user has already violates the primary key `plan_holding_once`, and the whole transaction with it. */
export function insertHoldings(subscriptions: readonly Subscription[]): Statement {
  const rows = subscriptions.flatMap((subscription) =>
    plansHeldBy(subscription).map((planId) => ({ subscription, planId })),
  );
  return {
    name: 'plan-holding-insert',
    text: `INSERT INTO plan_holding (user_id, plan_id, subscription_id)
           SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[])`,
    values: [
      rows.map(({ subscription }) => subscription.userId),
      rows.map(({ planId }) => planId),
      rows.map(({ subscription }) => subscription.id),
    ],
  };
}

/** Remembered for ever: of a plan somebody had, the trial is used. */
export function insertTaken(subscriptions: readonly Subscription[]): Statement {
  return {
    name: 'plan-taken-insert',
    text: `INSERT INTO plan_taken (user_id, plan_id) SELECT DISTINCT * FROM unnest($1::uuid[], $2::uuid[])
           ON CONFLICT DO NOTHING`,
    values: [subscriptions.map(({ userId }) => userId), subscriptions.map(({ terms }) => terms.planId)],
  };
}

/** Did the user ever have the plan? */
export async function hadBefore(db: Pick<pg.Pool, 'query'>, userId: string, planId: string): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'plan-taken-select',
    text: 'SELECT FROM plan_taken WHERE user_id = $1 AND plan_id = $2',
    values: [userId, planId],
  });
  return rowCount === 1;
}

/** Has the user taken the plan with another subscription? */
export async function isHeldByAnother(
  db: Pick<pg.Pool, 'query'>,
  { id, userId }: Subscription,
  planId: string,
): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'plan-holding-of-another',
    text: 'SELECT FROM plan_holding WHERE user_id = $1 AND plan_id = $2 AND subscription_id <> $3',
    values: [userId, planId, id],
  });
  return rowCount === 1;
}

/** Is it the database saying that a user has a plan already? It lets one of any number of concurrent requests through. */
export const isHeldAlready = (error: unknown): boolean =>
  error instanceof Error && 'constraint' in error && error.constraint === 'plan_holding_once';
