import { Text, TextInput } from '@mantine/core';
import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';
import { type Currency, type Money, minorDigits, useFormat } from '../format.ts';
import { amountText, readAmount } from '../money-text.ts';

/** In whole units; nobody who means it pays more at once. A yen and a rouble buy less. */
const MOST: Record<Currency, number> = {
  USD: 1_000_000,
  EUR: 1_000_000,
  GBP: 1_000_000,
  JPY: 100_000_000,
  RUB: 100_000_000,
};

interface Limits {
  /** Is zero an amount, too? */
  orZero?: boolean;
  /** In minor units; what is sane for the currency if left out. */
  most?: number;
}

/** What was typed: an amount in minor units, or why it is none. */
export type TypedMoney = { amount: number; error: undefined } | { amount: undefined; error: string };

/** Reads what was typed into a MoneyInput: `read('12.50', 'USD').amount` is 1250. */
export function useReadMoney(): (typed: string, currency: Currency, limits?: Limits) => TypedMoney {
  const { t } = useTranslation();
  const format = useFormat();
  return (typed, currency, { orZero = false, most = MOST[currency] * 10 ** minorDigits(currency) } = {}) => {
    const refuse = (error: string) => ({ amount: undefined, error });
    if (typed.trim() === '') return refuse(t('field.required'));
    const digits = minorDigits(currency);
    const amount = readAmount(typed, digits, format.locale);
    if (amount === undefined) {
      return refuse(t('field.amountInvalid', { example: amountText(1_250, digits, format.locale) }));
    }
    if (amount === 0 && !orZero) return refuse(t('field.amountZero'));
    if (amount > most) return refuse(t('field.amountTooLarge', { most: format.money({ amount: most, currency }) }));
    return { amount, error: undefined };
  };
}

/** An amount as a MoneyInput shows it. */
export function useMoneyText(): (money: Money) => string {
  const { locale } = useFormat();
  return useCallback(({ amount, currency }) => amountText(amount, minorDigits(currency), locale), [locale]);
}

interface Props {
  label: string;
  description?: string;
  /** What was typed, as it was typed; useReadMoney reads it. */
  value: string;
  onChange: (typed: string) => void;
  currency: Currency;
  error?: string | undefined;
  disabled?: boolean;
  required?: boolean;
}

/** A field for an amount. It keeps what is typed, so that nothing is left out unseen; once left, it shows how it was understood. */
export function MoneyInput({ value, onChange, currency, ...field }: Props) {
  const { locale } = useFormat();
  const tidy = () => {
    const digits = minorDigits(currency);
    const amount = readAmount(value, digits, locale);
    if (amount !== undefined && Number.isSafeInteger(amount)) onChange(amountText(amount, digits, locale));
  };
  return (
    <TextInput
      {...field}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      onBlur={tidy}
      inputMode="decimal"
      autoComplete="off"
      maxLength={30}
      rightSection={
        <Text size="sm" c="dimmed">
          {currency}
        </Text>
      }
      rightSectionWidth={56}
      rightSectionPointerEvents="none"
    />
  );
}
