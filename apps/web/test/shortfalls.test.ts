import { expect, test } from '@jest/globals';
import { shortfallsOf } from '../src/customer/shortfalls.ts';

const usd = (amount: number) => ({ amount, currency: 'USD' as const });
const eur = (amount: number) => ({ amount, currency: 'EUR' as const });

test('what the balance lacks for all that falls due is told for each currency by itself', () => {
  const due = [usd(1_299), usd(500), eur(900), eur(100)];
  expect(shortfallsOf({ due, balances: [usd(1_205), eur(1_000)], refilled: [] })).toEqual([usd(594)]);
  expect(shortfallsOf({ due, balances: [], refilled: [] })).toEqual([usd(1_799), eur(1_000)]);
});

test('nothing is lacking where nothing is due, or where the balance is topped up by itself', () => {
  expect(shortfallsOf({ due: [], balances: [], refilled: [] })).toEqual([]);
  expect(shortfallsOf({ due: [usd(1_299), eur(5)], balances: [], refilled: ['USD'] })).toEqual([eur(5)]);
});
