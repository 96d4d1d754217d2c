import { Checkbox, Radio, Stack } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useApiMutation } from '../api.ts';
import { Dialog } from '../components/dialog.tsx';
import { useFormat } from '../format.ts';
import type { Subscription } from './subscription-text.ts';

interface Props {
  subscription: Subscription;
  opened: boolean;
  onClose: () => void;
}

export function CancelDialog({ subscription, opened, onClose }: Props) {
  const { t } = useTranslation('customer');
  const format = useFormat();
  const [at, setAt] = useState<'period_end' | 'now'>('period_end');
  const [refund, setRefund] = useState(true);
  const { id, planName: plan, currentPeriod, trial } = subscription;
  const isPaidFor = currentPeriod !== null && !trial;
  const sending = useApiMutation(
    (api) =>
      api.POST('/v1/subscriptions/{id}/cancel', {
        params: { path: { id } },
        body: { at, ...(at === 'now' && { refund: refund && isPaidFor ? 'prorated' : 'none' }) },
      }),
    { invalidates: ['subscriptions', 'wallet'], onSuccess: onClose },
  );
  return (
    <Dialog
      opened={opened}
      onClose={onClose}
      title={t('cancel.title', { plan })}
      confirm={t('cancel.confirm')}
      dismiss={t('cancel.stay')}
      onConfirm={() => sending.mutate()}
      isPending={sending.isPending}
      error={sending.error}
      isDangerous
    >
      <Radio.Group
        label={t('cancel.when')}
        value={at}
        onChange={(value) => setAt(value === 'now' ? 'now' : 'period_end')}
      >
        <Stack gap="sm" mt="xs">
          <Radio
            value="period_end"
            label={t('cancel.periodEnd')}
            description={
              currentPeriod
                ? t('cancel.periodEndText', { date: format.date(currentPeriod.end) })
                : t('cancel.periodEndTextNoDate')
            }
          />
          <Radio value="now" label={t('cancel.now')} description={t('cancel.nowText')} />
        </Stack>
      </Radio.Group>
      {at === 'now' && isPaidFor ? (
        <Checkbox
          label={t('cancel.refund')}
          checked={refund}
          onChange={(event) => setRefund(event.currentTarget.checked)}
        />
      ) : null}
    </Dialog>
  );
}
