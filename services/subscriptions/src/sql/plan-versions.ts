import type { Interval } from '@evergreen/contracts/http/subscriptions.ts';
import type { Currency } from '@evergreen/contracts/money.ts';
import type pg from 'pg';
import type { Terms } from '../decisions/subscription.ts';

interface TermsRow {
  subscription_id: string;
  plan_id: string;
  version: number;
  name: string;
  price_amount: number;
  currency: string;
  interval_unit: string;
  interval_count: number;
  grace_days: number;
  access_during_grace: boolean;
  notice_days: number;
}

const NEW_TERMS = {
  name: 'plan-version-new-terms',
  text: `SELECT s.id AS subscription_id, p.id AS plan_id, v.version, v.name, v.price_amount, p.currency, p.interval_unit,
           p.interval_count, v.grace_days, v.access_during_grace, v.notice_days
         FROM subscription s
           JOIN plan p ON p.id = s.plan_id AND p.version_for_all > s.plan_version
           JOIN plan_version v ON v.plan_id = p.id AND v.version = p.version_for_all
         WHERE s.id = ANY ($1::uuid[])`,
};

/** By subscription, the terms of a newer version of its plan that applies to those who have it already. */
export async function selectNewTerms(
  db: Pick<pg.Pool, 'query'>,
  subscriptionIds: readonly string[],
): Promise<Map<string, Terms>> {
  const { rows } = await db.query<TermsRow>({ ...NEW_TERMS, values: [subscriptionIds] });
  return new Map(rows.map((row) => [row.subscription_id, termsOf(row)]));
}

const termsOf = (row: TermsRow): Terms => ({
  planId: row.plan_id,
  planName: row.name,
  planVersion: row.version,
  price: { amount: row.price_amount, currency: row.currency as Currency },
  interval: { unit: row.interval_unit, count: row.interval_count } as Interval,
  graceDays: row.grace_days,
  accessDuringGrace: row.access_during_grace,
  noticeDays: row.notice_days,
});
