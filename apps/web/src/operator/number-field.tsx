import { NumberInput, type NumberInputProps } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../format.ts';

interface Props extends Omit<NumberInputProps, 'min' | 'max' | 'value' | 'error'> {
  value: number | string;
  min: number;
  max?: number;
  /** How many digits may stand behind the point; 0 if left out. */
  digits?: number;
  /** How the bounds are written, such as with a currency. */
  show?: (bound: number) => string;
}

/**
 * A number within bounds. What does not fit stays as it was typed, is said at the field in the page's language, and keeps
 * the form from being sent: a number that was quietly made to fit would be somebody else's decision.
 */
export function NumberField({ min, max, digits = 0, show, required = false, ...props }: Props) {
  const { t } = useTranslation('operator');
  const format = useFormat();
  const input = useRef<HTMLInputElement>(null);
  const [wasRefused, setRefused] = useState(false);
  const written = show ?? format.number;
  const error = errorOf(props.value);
  useEffect(() => input.current?.setCustomValidity(error ?? ''), [error]);

  function errorOf(value: number | string): string | undefined {
    if (value === '') return required ? t('number.missing') : undefined;
    const number = Number(value);
    if (Number.isNaN(number)) return t('number.missing');
    if (number < min) return t('number.min', { min: written(min) });
    if (max !== undefined && number > max) return t('number.max', { max: written(max) });
    if ((String(value).split('.')[1]?.length ?? 0) <= digits) return undefined;
    return digits === 0 ? t('number.whole') : t('number.digits', { count: digits });
  }

  return (
    <NumberInput
      {...props}
      ref={input}
      min={min}
      {...(max !== undefined && { max })}
      clampBehavior="none"
      decimalSeparator={format.decimalSeparator}
      required={required}
      // Nothing is complained of before it is there, or was to be sent.
      error={props.value !== '' || wasRefused ? error : undefined}
      onInvalid={(event) => {
        event.preventDefault();
        event.currentTarget.focus();
        setRefused(true);
      }}
    />
  );
}
