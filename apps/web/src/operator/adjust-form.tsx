import { Group, SegmentedControl, Select, Textarea } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useApiMutation } from '../api.ts';
import { type Currency, minorDigits, toMajor, toMinor, useFormat } from '../format.ts';
import { FormModal } from './form-modal.tsx';
import { NumberField } from './number-field.tsx';
import { useRequestKey } from './request-key.ts';

export const CURRENCIES: readonly Currency[] = ['USD', 'EUR', 'GBP', 'JPY', 'RUB'];

/** Credits or debits a balance, with a reason that the customer reads. */
export function AdjustForm(props: { userId: string; currency: Currency; onClose: () => void }) {
  const { t } = useTranslation('operator');
  const format = useFormat();
  const [direction, setDirection] = useState<'credit' | 'debit'>('credit');
  const [currency, setCurrency] = useState(props.currency);
  const [major, setMajor] = useState<number | string>('');
  const [reason, setReason] = useState('');
  const amount = toMinor(Number(major), currency) * (direction === 'credit' ? 1 : -1);
  const body = { amount, currency, reason: reason.trim() };
  const key = useRequestKey(body);
  const sending = useApiMutation(
    (api) =>
      api.POST('/v1/wallets/{userId}/adjustments', {
        params: { path: { userId: props.userId }, header: { 'idempotency-key': key } },
        body,
      }),
    { invalidates: ['wallet', 'subscriptions'], onSuccess: props.onClose },
  );
  return (
    <FormModal
      onClose={props.onClose}
      title={t('adjust.title')}
      intro={t('adjust.intro')}
      submit={t(`adjust.${direction}`)}
      sending={sending}
      onSubmit={() => sending.mutate()}
    >
      <SegmentedControl
        aria-label={t('adjust.direction')}
        value={direction}
        onChange={(value) => setDirection(value as typeof direction)}
        data={(['credit', 'debit'] as const).map((value) => ({ value, label: t(`adjust.${value}`) }))}
      />
      <Group grow align="flex-start">
        <NumberField
          label={t('adjust.amount')}
          value={major}
          onChange={setMajor}
          min={toMajor({ amount: 1, currency })}
          digits={minorDigits(currency)}
          show={(bound) => format.money({ amount: toMinor(bound, currency), currency })}
          hideControls
          required
          data-autofocus
        />
        <Select
          label={t('adjust.currency')}
          data={[...CURRENCIES]}
          value={currency}
          allowDeselect={false}
          onChange={(value) => setCurrency((value ?? currency) as Currency)}
        />
      </Group>
      <Textarea
        label={t('adjust.reason')}
        description={t('adjust.reasonHint')}
        value={reason}
        onChange={({ currentTarget: { value } }) => setReason(value)}
        minLength={3}
        maxLength={200}
        autosize
        minRows={2}
        required
      />
    </FormModal>
  );
}
