/*
 * Amounts as people type them. What can be read in two ways is not read at all: an amount that is ten times another costs somebody
 * that much.
 */

/**
 * What a person typed, in minor units; undefined when it is no amount. Both a point and a comma may stand before the cents.
 * Thousands may be set off by spaces, or as the locale does it: in English 1,000 is a thousand and 12,34 has cents.
 * @param digits how many the currency has behind the point
 */
export function readAmount(typed: string, digits: number, locale: string): number | undefined {
  const plain = typed.replace(/\s/g, '');
  const { group } = separatorsOf(locale);
  const grouped = new RegExp(`^[1-9]\\d{0,2}(?:\\${group}\\d{3})+(?!\\d)`);
  const ungrouped =
    group.trim() === '' ? plain : plain.replace(grouped, (thousands) => thousands.replaceAll(group, ''));
  const [, whole, fraction = ''] = /^(\d+)(?:[.,](\d*))?$/.exec(ungrouped) ?? [];
  if (whole === undefined || fraction.length > digits) return undefined;
  return Number(whole + fraction.padEnd(digits, '0'));
}

/** The other way round, as the locale writes it: 123450 cents are 1,234.50 in English. Whole amounts have no cents. */
export function amountText(amount: number, digits: number, locale: string): string {
  const major = amount / 10 ** digits;
  const shown = Number.isInteger(major) ? 0 : digits;
  return new Intl.NumberFormat(locale, { minimumFractionDigits: shown, maximumFractionDigits: shown }).format(major);
}

function separatorsOf(locale: string): { group: string } {
  const parts = new Intl.NumberFormat(locale).formatToParts(1_234_567.8);
  return { group: parts.find(({ type }) => type === 'group')?.value ?? '' };
}
