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

/** Is it the database saying that a user has a plan already? It lets one of any number of concurrent requests through. */
export const isHeldAlready = (error: unknown): boolean =>
  error instanceof Error && 'constraint' in error && error.constraint === 'plan_holding_once';
