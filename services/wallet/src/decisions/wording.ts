import type { Currency } from '@evergreen/contracts/money.ts';

/** An amount in minor units as people write it, exact for every amount there is: 129900 in USD is "$1,299.00". */
export function moneyText(amountMinor: number, currency: Currency): string {
  const format = new Intl.NumberFormat('en-US', { style: 'currency', currency });
  const digits = format.resolvedOptions().maximumFractionDigits ?? 0;
  const sign = amountMinor < 0 ? '-' : '';
  const text = String(Math.abs(amountMinor)).padStart(digits + 1, '0');
  const whole = text.slice(0, text.length - digits);
  const fraction = digits === 0 ? '' : `.${text.slice(-digits)}`;
  // As text, since a number with a fraction is not exact from about 2^46 on.
  return format.format(`${sign}${whole}${fraction}` as Intl.StringNumericLiteral);
}

/** An instant as a person in that time zone reads it on the clock, with the zone's name. @param timeZone IANA name */
export const timeText = (instant: string, timeZone: string): string =>
  new Intl.DateTimeFormat('en-GB', {
    day: 'numeric',
    month: 'long',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    timeZoneName: 'short',
    timeZone,
  }).format(new Date(instant));
