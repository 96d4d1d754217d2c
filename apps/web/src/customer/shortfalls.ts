import type { schemas } from '@evergreen/client/generated/api.ts';

type Money = schemas['Money'];

interface Renewals {
  /** What falls due. */
  due: readonly Money[];
  balances: readonly Money[];
  /** Currencies whose balance is topped up by itself. */
  refilled: readonly string[];
}

/** How much the balances lack for all that falls due, one amount a currency; none where they suffice or are topped up by themselves. */
export function shortfallsOf({ due, balances, refilled }: Renewals): Money[] {
  const currencies = [...new Set(due.map(({ currency }) => currency))].filter((one) => !refilled.includes(one));
  return currencies
    .map((currency) => ({ amount: sumOf(due, currency) - sumOf(balances, currency), currency }))
    .filter(({ amount }) => amount > 0);
}

const sumOf = (amounts: readonly Money[], currency: string): number =>
  amounts.reduce((sum, money) => (money.currency === currency ? sum + money.amount : sum), 0);
