import { expect, test } from '@jest/globals';
import { amountText, readAmount } from '../src/money-text.ts';

test.each([
  ['30', 'en', 2, 3_000],
  ['12.34', 'en', 2, 1_234],
  ['12,34', 'en', 2, 1_234],
  ['12,3', 'en', 2, 1_230],
  ['12.', 'en', 2, 1_200],
  ['1,000', 'en', 2, 100_000],
  ['1,234,567.89', 'en', 2, 123_456_789],
  [' 1 000 ', 'en', 2, 100_000],
  ['12,34', 'ru', 2, 1_234],
  ['1\u00a0234,50', 'ru', 2, 123_450],
  ['1.000,50', 'de', 2, 100_050],
  ['5000', 'en', 0, 5_000],
  ['5,000', 'en', 0, 5_000],
  ['0', 'en', 2, 0],
])('%j in %s, with %i digits behind the point, is %i', (typed, locale, digits, amount) => {
  expect(readAmount(typed, digits, locale)).toBe(amount);
});

test.each([
  ['', 'en', 2],
  ['-3', 'en', 2],
  ['abc', 'en', 2],
  ['12a', 'en', 2],
  ['1e3', 'en', 2],
  ['12.345', 'en', 2],
  ['1,0000', 'en', 2],
  ['1.000', 'en', 2],
  ['1,000', 'ru', 2],
  ['0,500', 'en', 2],
  ['1.5', 'en', 0],
])('%j in %s, with %i digits behind the point, is no amount', (typed, locale, digits) => {
  expect(readAmount(typed, digits, locale)).toBeUndefined();
});

test.each([
  [3_000, 2, 'en', '30'],
  [1_290, 2, 'en', '12.90'],
  [123_450, 2, 'en', '1,234.50'],
  [1_234, 2, 'ru', '12,34'],
  [500_000, 0, 'en', '500,000'],
])('%i with %i digits behind the point is in %s %j, and is read again as it was', (amount, digits, locale, text) => {
  expect(amountText(amount, digits, locale)).toBe(text);
  expect(readAmount(text, digits, locale)).toBe(amount);
});
