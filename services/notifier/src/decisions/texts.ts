import type { Currency } from '@evergreen/contracts/money.ts';
import type { DataOf } from './facts.ts';
import { EN } from './texts-en.ts';
import { RU } from './texts-ru.ts';

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
  /** How far ahead that day is, counted in days of the reader's calendar from the day it was told: "in 3 days", "tomorrow". */
  ahead: (moment: string) => string;
}

/** A language: one text for everything a notification can say. */
export type Texts = { [T in keyof DataOf]: { [K in keyof DataOf[T]]: (data: DataOf[T][K], formats: Formats) => Text } };

/** By the language part of a locale. Who reads none of these reads English. */
export const LANGUAGES: Readonly<Record<string, Texts>> = { en: EN, ru: RU };

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
  /** @param toldAt when it was told, from which days ahead are counted; RFC 3339 */
  formatsAt: (toldAt: string) => Formats;
}

/**
 * A locale in a language we do not speak, or that is no locale at all, becomes English, and a time zone that does not exist becomes
 * UTC: a strange account must not keep its owner from reading.
 */
export function writerFor(reader: Reader): Writer {
  const language = reader.locale.split('-', 1)[0]?.toLowerCase() ?? '';
  const spoken = Object.hasOwn(LANGUAGES, language) ? LANGUAGES[language] : undefined;
  const tag = spoken ? (isLocale(reader.locale) ? reader.locale : language) : ANYONE.locale;
  const timeZone = isTimeZone(reader.timeZone) ? reader.timeZone : ANYONE.timeZone;
  const day = new Intl.DateTimeFormat(tag, { dateStyle: 'long', timeZone });
  const relative = new Intl.RelativeTimeFormat(tag, { numeric: 'auto' });
  const currencies = new Map<Currency, Intl.NumberFormat>();
  const dayOf = (moment: string) => Temporal.Instant.from(moment).toZonedDateTimeISO(timeZone).toPlainDate();
  const money: Formats['money'] = (amountMinor, currency) => {
    const format = currencies.get(currency) ?? new Intl.NumberFormat(tag, { style: 'currency', currency });
    currencies.set(currency, format);
    return format.format(decimal(amountMinor, format.resolvedOptions().maximumFractionDigits ?? 0));
  };
  // Russian ends a date with "г.", whose point would meet that of the sentence.
  const date: Formats['date'] = (moment) => day.format(new Date(moment)).replace(/\s?г\.$/, ' года');
  return {
    texts: spoken ?? EN,
    formatsAt: (toldAt) => ({
      money,
      date,
      ahead: (moment) => relative.format(Math.max(0, dayOf(toldAt).until(dayOf(moment)).days), 'day'),
    }),
  };
}

/** What was stored of a notification, as far as its text is made from it. */
export interface StoredFacts {
  type: string;
  kind: string;
  data: unknown;
}

/**
 * Writes the text of what was stored under a type and a kind.
 * @param toldAt when it was told, RFC 3339
 */
export function write(stored: StoredFacts, toldAt: string, { texts, formatsAt }: Writer): Text {
  const kinds = texts[stored.type as keyof Texts] as Record<
    string,
    ((data: unknown, formats: Formats) => Text) | undefined
  >;
  const text = kinds[stored.kind];
  if (!text) throw new TypeError(`there is no text for ${stored.type}, ${stored.kind}`);
  return text(stored.data, formatsAt(toldAt));
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

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
