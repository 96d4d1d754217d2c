import type { Currency } from '@evergreen/contracts/money.ts';
import type { DataOf } from './facts.ts';
import { EN } from './texts-en.ts';

export interface Text {
  title: string;
  body: string;
}

/** How amounts and moments look to one reader. */
export interface Formats {
  /** Minor units as money: 1299 USD is "$12.99", 1299 JPY is "¥1,299". */
  money: (amountMinor: number, currency: Currency) => string;
  /** The day an RFC 3339 moment falls on in the reader's time zone. */
  date: (moment: string) => string;
}

/** A language: one text for everything a notification can say. */
export type Texts = { [T in keyof DataOf]: { [K in keyof DataOf[T]]: (data: DataOf[T][K], formats: Formats) => Text } };

/** By the language part of a locale. Who reads none of these reads English. */
const LANGUAGES: Record<string, Texts> = { en: EN };

export interface Reader {
  /** BCP 47 language tag. */
  locale: string;
  /** IANA time zone. */
  timeZone: string;
}

/** For whom no account is known yet. */
export const ANYONE: Reader = { locale: 'en', timeZone: 'UTC' };

/** Everything needed to write for one reader. Making it takes longer than using it, so keep it for a whole list. */
export interface Writer {
  texts: Texts;
  formats: Formats;
}

/**
 * A locale in a language we do not speak, or that is no locale at all, becomes English, and a time zone that does not exist becomes
 * UTC: a strange account must not keep its owner from reading.
 */
export function writerFor({ locale, timeZone }: Reader): Writer {
  const spoken = LANGUAGES[locale.split('-', 1)[0] ?? ''];
  const tag = spoken && isLocale(locale) ? locale : ANYONE.locale;
  const day = dayFormat(tag, timeZone);
  const currencies = new Map<Currency, Intl.NumberFormat>();
  return {
    texts: spoken ?? EN,
    formats: {
      date: (moment) => day.format(new Date(moment)),
      money(amountMinor, currency) {
        const format = currencies.get(currency) ?? new Intl.NumberFormat(tag, { style: 'currency', currency });
        currencies.set(currency, format);
        return format.format(decimal(amountMinor, format.resolvedOptions().maximumFractionDigits ?? 0));
      },
    },
  };
}

/** Writes the text of what was stored under a type and a kind. */
export function write(stored: { type: string; kind: string; data: unknown }, { texts, formats }: Writer): Text {
  const kinds = texts[stored.type as keyof Texts] as Record<
    string,
    ((data: unknown, formats: Formats) => Text) | undefined
  >;
  const text = kinds[stored.kind];
  if (!text) throw new TypeError(`there is no text for ${stored.type}, ${stored.kind}`);
  return text(stored.data, formats);
}

/** Minor units as an exact decimal; a division would round large amounts. */
function decimal(amountMinor: number, digits: number): Intl.StringNumericLiteral {
  const text = String(amountMinor).padStart(digits + 1, '0');
  const point = text.length - digits;
  return (digits === 0 ? text : `${text.slice(0, point)}.${text.slice(point)}`) as Intl.StringNumericLiteral;
}

function isLocale(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1;
  } catch {
    return false;
  }
}

function dayFormat(locale: string, timeZone: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone });
  } catch {
    return new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: ANYONE.timeZone });
  }
}
