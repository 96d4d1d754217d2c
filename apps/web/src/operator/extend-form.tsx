import { Textarea } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useApiMutation } from '../api.ts';
import { FormModal } from './form-modal.tsx';
import { NumberField } from './number-field.tsx';
import { useRequestKey } from './request-key.ts';
import type { Subscription } from './subscription.tsx';

/** Gives somebody more days for free. */
export function ExtendForm({ subscription, onClose }: { subscription: Subscription; onClose: () => void }) {
  const { t } = useTranslation('operator');
  const [days, setDays] = useState<number | string>(7);
  const [reason, setReason] = useState('');
  const body = { by: `P${days}D`, reason: reason.trim() };
  const key = useRequestKey(body);
  const sending = useApiMutation(
    (api) =>
      api.POST('/v1/operator/subscriptions/{id}/extend', {
        params: { path: { id: subscription.id }, header: { 'idempotency-key': key } },
        body,
      }),
    { invalidates: ['subscriptions'], onSuccess: onClose },
  );
  return (
    <FormModal
      onClose={onClose}
      title={t('extend.title')}
      intro={t('extend.intro')}
      submit={t('extend.submit')}
      sending={sending}
      onSubmit={() => sending.mutate()}
    >
      <NumberField label={t('extend.days')} value={days} onChange={setDays} min={1} max={366} required data-autofocus />
      <Textarea
        label={t('adjust.reason')}
        description={t('extend.reasonHint')}
        value={reason}
        onChange={({ currentTarget: { value } }) => setReason(value)}
        maxLength={200}
        autosize
        minRows={2}
        required
      />
    </FormModal>
  );
}
