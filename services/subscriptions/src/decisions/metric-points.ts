import type { SubscriptionStatus } from '@evergreen/contracts/http/subscriptions.ts';
import type { Currency, Money } from '@evergreen/contracts/money.ts';

/** All moves of one kind in one step. */
export interface MovesInStep {
  /** From 0; -1 for all that came before the first step. */
  readonly step: number;
  readonly from: SubscriptionStatus | null;
  readonly to: SubscriptionStatus;
  readonly currency: Currency;
  readonly count: number;
  /** By how much they changed monthly recurring revenue, in minor units. */
  readonly mrrChange: number;
}

/** All that was paid in one currency in one step. */
export interface PaidInStep {
  readonly step: number;
  readonly currency: Currency;
  /** Minor units. */
  readonly amount: number;
  readonly renewals: number;
}

export interface MetricPoint {
  /** How many subscriptions have each status at the end of the step. */
  readonly counts: Readonly<Record<SubscriptionStatus, number>>;
  readonly started: number;
  readonly churned: number;
  readonly churnRate: number | null;
  readonly renewals: number;
  readonly mrr: readonly Money[];
  readonly charged: readonly Money[];
}

const PAYING: ReadonlySet<SubscriptionStatus | null> = new Set(['active', 'pending_renewal'] as const);
const GONE: ReadonlySet<SubscriptionStatus> = new Set(['canceled', 'expired'] as const);

/**
 * Sums moves and payments up to one point a step: what there was before the first step is carried along. Each point names the same
 * currencies, so that they draw as lines.
 */
export function metricPoints(
  steps: number,
  { moves, paid }: { moves: readonly MovesInStep[]; paid: readonly PaidInStep[] },
): MetricPoint[] {
  const currencies = [...new Set([...moves, ...paid].map(({ currency }) => currency))].sort();
  const movesIn = Map.groupBy(moves, ({ step }) => step);
  const paidIn = Map.groupBy(paid, ({ step }) => step);
  const counts = noCounts();
  const mrr = new Map<Currency, number>(currencies.map((currency) => [currency, 0]));
  carry(movesIn.get(-1) ?? [], counts, mrr);
  return Array.from({ length: steps }, (_, step) => {
    const moved = movesIn.get(step) ?? [];
    const payments = paidIn.get(step) ?? [];
    const payingBefore = counts.active + counts.pending_renewal;
    carry(moved, counts, mrr);
    const churned = sum(moved, ({ from, to, count }) => (PAYING.has(from) && GONE.has(to) ? count : 0));
    return {
      counts: { ...counts },
      started: sum(moved, ({ from, to, count }) => (!PAYING.has(from) && PAYING.has(to) ? count : 0)),
      churned,
      churnRate: payingBefore === 0 ? null : churned / payingBefore,
      renewals: sum(payments, ({ renewals }) => renewals),
      mrr: currencies.map((currency) => ({ currency, amount: mrr.get(currency) ?? 0 })),
      charged: currencies.map((currency) => ({
        currency,
        amount: sum(payments, (one) => (one.currency === currency ? one.amount : 0)),
      })),
    };
  });
}

function carry(
  moved: readonly MovesInStep[],
  counts: Record<SubscriptionStatus, number>,
  mrr: Map<Currency, number>,
): void {
  for (const { from, to, currency, count, mrrChange } of moved) {
    if (from) counts[from] -= count;
    counts[to] += count;
    mrr.set(currency, (mrr.get(currency) ?? 0) + mrrChange);
  }
}

const noCounts = (): Record<SubscriptionStatus, number> => ({
  incomplete: 0,
  trialing: 0,
  active: 0,
  pending_renewal: 0,
  paused: 0,
  canceled: 0,
  expired: 0,
});

const sum = <T>(list: readonly T[], partOf: (one: T) => number): number =>
  list.reduce((total, one) => total + partOf(one), 0);
