import { Checkbox, SegmentedControl, Textarea } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useApiMutation } from '../api.ts';
import { FormModal } from './form-modal.tsx';
import type { Subscription } from './subscription.tsx';

/** Cancels for somebody; the reason stands in the timeline. */
export function CancelForm({ subscription, onClose }: { subscription: Subscription; onClose: () => void }) {
  const { t } = useTranslation('operator');
  const [at, setAt] = useState<'period_end' | 'now'>('period_end');
  const [isRefunded, setRefunded] = useState(false);
  const [reason, setReason] = useState('');
  const sending = useApiMutation(
    (api) =>
      api.POST('/v1/operator/subscriptions/{id}/cancel', {
        params: { path: { id: subscription.id } },
        body: {
          at,
          ...(at === 'now' && { refund: isRefunded ? ('prorated' as const) : ('none' as const) }),
          ...(reason.trim() && { reason: reason.trim() }),
        },
      }),
    { invalidates: ['subscriptions', 'wallet'], onSuccess: onClose },
  );
  return (
    <FormModal
      onClose={onClose}
      title={t('cancel.title')}
      intro={t(`cancel.intro.${at}`)}
      submit={t('cancel.submit')}
      isGrave
      sending={sending}
      onSubmit={() => sending.mutate()}
    >
      <SegmentedControl
        aria-label={t('cancel.when')}
        value={at}
        onChange={(value) => setAt(value as typeof at)}
        data={(['period_end', 'now'] as const).map((value) => ({ value, label: t(`cancel.${value}`) }))}
      />
      {at === 'now' ? (
        <Checkbox
          label={t('cancel.refund')}
          checked={isRefunded}
          onChange={({ currentTarget: { checked } }) => setRefunded(checked)}
        />
      ) : null}
      <Textarea
        label={t('cancel.reason')}
        description={t('extend.reasonHint')}
        value={reason}
        onChange={({ currentTarget: { value } }) => setReason(value)}
        maxLength={200}
        autosize
        minRows={2}
      />
    </FormModal>
  );
}
