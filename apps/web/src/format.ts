import type { schemas } from '@evergreen/client/generated/api.ts';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { useSession } from './session.tsx';

export type Money = schemas['Money'];
export type Currency = schemas['Currency'];
type Instant = string | Date;

/** How many digits of the currency stand behind its point: 2 for USD, 0 for JPY. */
export function minorDigits(currency: string): number {
  return new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;
}

/** Minor units as a number of whole units, for showing and for forms: 1299 cents are 12.99. */
export const toMajor = ({ amount, currency }: Money): number => amount / 10 ** minorDigits(currency);

/** The other way round; a person types at most the currency's own digits. */
export const toMinor = (major: number, currency: string): number => Math.round(major * 10 ** minorDigits(currency));

export interface Format {
  /** $12.99 */
  money: (money: Money) => string;
  /** +$12.99 or −$12.99 */
  signedMoney: (money: Money) => string;
  number: (value: number) => string;
  /** 15 ms */
  milliseconds: (value: number) => string;
  /** What stands before the cents: a point, or a comma. */
  decimalSeparator: string;
  /** 0.634 as 63.4%, with at most `digits` behind the point, 1 if left out. */
  percent: (part: number, digits?: number) => string;
  /** 23 Nov 2026 */
  date: (at: Instant) => string;
  /** 23 Nov 2026, 14:05 */
  dateTime: (at: Instant) => string;
  /** 14:05 */
  time: (at: Instant) => string;
  /** Of a half-open period: 3 Nov – 3 Dec 2026 */
  dates: (period: { start: string; end: string }) => string;
  /** The same of two days that are in no time zone, as in 2026-11-23. */
  days: (period: { start: string; end: string }) => string;
  /** The name of the language that a locale such as ru-RU is of. */
  language: (locale: string) => string;
  timeZone: string;
  locale: string;
}

/** Formats in a language and a time zone; every Intl object is made once. */
export function createFormat(locale: string, timeZone: string): Format {
  const date = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeZone });
  const dateTime = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short', timeZone });
  const time = new Intl.DateTimeFormat(locale, { timeStyle: 'short', timeZone });
  const day = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeZone: 'UTC' });
  const number = new Intl.NumberFormat(locale);
  const milliseconds = new Intl.NumberFormat(locale, { style: 'unit', unit: 'millisecond' });
  const languages = new Intl.DisplayNames(locale, { type: 'language' });
  const moneyIn = remember((currency) => new Intl.NumberFormat(locale, { style: 'currency', currency }));
  const signedIn = remember(
    (currency) => new Intl.NumberFormat(locale, { style: 'currency', currency, signDisplay: 'exceptZero' }),
  );
  return {
    money: (money) => moneyIn(money.currency).format(toMajor(money)),
    signedMoney: (money) => signedIn(money.currency).format(toMajor(money)).replace('-', '−'),
    number: (value) => number.format(value),
    milliseconds: (value) => milliseconds.format(value),
    decimalSeparator: number.formatToParts(0.5).find(({ type }) => type === 'decimal')?.value ?? '.',
    percent: (part, maximumFractionDigits = 1) =>
      new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits }).format(part),
    date: (at) => date.format(new Date(at)),
    dateTime: (at) => dateTime.format(new Date(at)),
    time: (at) => time.format(new Date(at)),
    dates: ({ start, end }) => date.formatRange(new Date(start), new Date(end)),
    days: ({ start, end }) => day.formatRange(new Date(start), new Date(end)),
    language: (of) => languages.of(of) ?? of,
    timeZone,
    locale,
  };
}

/** In the language of the page and the time zone of the account. */
export function useFormat(): Format {
  const { i18n } = useTranslation();
  const { state } = useSession();
  const account = state.is === 'signed in' ? state.user : undefined;
  const language = i18n.resolvedLanguage ?? 'en';
  const locale = account?.locale.startsWith(language) ? account.locale : language;
  const timeZone = account?.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  return useMemo(() => createFormat(locale, timeZone), [locale, timeZone]);
}

function remember<T>(make: (key: string) => T): (key: string) => T {
  const made = new Map<string, T>();
  return (key) => {
    const known = made.get(key) ?? make(key);
    made.set(key, known);
    return known;
  };
}
