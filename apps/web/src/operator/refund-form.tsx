import { SegmentedControl, Textarea } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useApiMutation } from '../api.ts';
import { useMovementText } from '../customer/movement-text.ts';
import { minorDigits, toMajor, toMinor, useFormat } from '../format.ts';
import { FormModal } from './form-modal.tsx';
import { NumberField } from './number-field.tsx';
import { useRequestKey } from './request-key.ts';
import type { Line } from './statement.tsx';

/** Gives back a charge, in part or whole. */
export function RefundForm({ userId, line, onClose }: { userId: string; line: Line; onClose: () => void }) {
  const { t } = useTranslation('operator');
  const format = useFormat();
  const movementText = useMovementText();
  const paid = { amount: -line.amount, currency: line.currency };
  const [major, setMajor] = useState<number | string>('');
  const [to, setTo] = useState<'balance' | 'payment_method'>('balance');
  const [reason, setReason] = useState('');
  const amount = major === '' ? undefined : toMinor(Number(major), line.currency);
  const body = { chargeId: line.reference.id, to, reason: reason.trim(), ...(amount !== undefined && { amount }) };
  const key = useRequestKey(body);
  const sending = useApiMutation(
    (api) =>
      api.POST('/v1/wallets/{userId}/refunds', {
        params: { path: { userId }, header: { 'idempotency-key': key } },
        body,
      }),
    { invalidates: ['wallet'], onSuccess: onClose },
  );
  return (
    <FormModal
      onClose={onClose}
      title={t('refund.title')}
      intro={t('refund.intro', { what: movementText(line).name, amount: format.money(paid) })}
      submit={t('refund.submit')}
      sending={sending}
      onSubmit={() => sending.mutate()}
    >
      <NumberField
        label={t('adjust.amount')}
        description={t('refund.amountHint')}
        placeholder={String(toMajor(paid))}
        value={major}
        onChange={setMajor}
        min={toMajor({ ...paid, amount: 1 })}
        max={toMajor(paid)}
        digits={minorDigits(line.currency)}
        show={(bound) => format.money({ ...paid, amount: toMinor(bound, line.currency) })}
        hideControls
      />
      <SegmentedControl
        aria-label={t('refund.to')}
        value={to}
        onChange={(value) => setTo(value as typeof to)}
        data={(['balance', 'payment_method'] as const).map((value) => ({ value, label: t(`refund.${value}`) }))}
      />
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
