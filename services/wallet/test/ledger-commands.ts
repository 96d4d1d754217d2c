/** What the tests of the ledger's decisions ask for: everything in USD, and asked for at NOW. */
import { type Command, type LedgerState, userAccountId } from '../src/decisions/accounts.ts';
import type { post } from '../src/decisions/ledger.ts';

export const ADA = '01936f4e-6c1a-7d3b-8a53-000000000001';
export const BOB = '01936f4e-6c1a-7d3b-8a53-000000000002';
export const NOW = '2026-11-23T08:00:00.000Z';
export const LATER = '2026-12-01T08:00:00.000Z';
const cause = { type: 'test', correlationId: 'test-run', causationId: null };

export const uuid = (n: number): string => `01936f4e-6c1a-7d3b-8a53-${n.toString(16).padStart(12, '0')}`;

export const charge = (n: number, amount: number, userId = ADA) => ({
  id: uuid(n),
  userId,
  subscriptionId: uuid(n + 10_000),
  amount,
  currency: 'USD' as const,
  description: `Period ${n}`,
  planName: 'Monthly',
  upgrade: false,
  period: { start: NOW, end: LATER },
  businessTime: NOW,
});

export const asks = (n: number, amount: number, userId = ADA): Command => ({
  type: 'charge',
  charge: charge(n, amount, userId),
  ifShort: 'wait',
  cause,
});
export const asksAtOnce = (n: number, amount: number, userId = ADA): Command => ({
  type: 'charge',
  charge: charge(n, amount, userId),
  ifShort: 'void',
  cause,
});
export const voids = (n: number, amount: number, userId = ADA): Command => ({
  type: 'void',
  charge: charge(n, amount, userId),
  cause,
});
export const topsUp = (n: number, amount: number, userId = ADA): Command => ({
  type: 'top_up',
  entry: {
    reference: uuid(n),
    userId,
    currency: 'USD',
    amount,
    description: 'Top-up',
    businessTime: LATER,
    cause,
  },
});

export const adjusts = (n: number, change: number, userId = ADA): Command => ({
  type: change > 0 ? 'adjust_up' : 'adjust_down',
  entry: {
    reference: uuid(n),
    userId,
    currency: 'USD',
    amount: Math.abs(change),
    description: 'Goodwill',
    businessTime: LATER,
    cause,
  },
});
export const refunds = (
  n: number,
  {
    of,
    amount,
    to = 'balance',
    userId = ADA,
  }: { of: number; amount: number; to?: 'balance' | 'payment_method'; userId?: string },
): Command => ({
  type: 'refund',
  refund: {
    id: uuid(n),
    chargeId: uuid(of),
    userId,
    currency: 'USD',
    amount,
    to,
    reason: 'Asked for it',
    businessTime: LATER,
    cause,
  },
});

export const given = (balances: Record<string, number>, charges: LedgerState['charges'] = []): LedgerState => ({
  accounts: Object.entries(balances).map(([userId, balance]) => ({
    id: userAccountId(userId, 'USD'),
    userId,
    currency: 'USD',
    balance,
  })),
  charges,
});

export const summary = (postings: ReturnType<typeof post>) => postings.facts.map((fact) => fact.type);
