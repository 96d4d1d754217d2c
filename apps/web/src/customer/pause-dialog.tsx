import { Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useApiMutation } from '../api.ts';
import { Dialog } from '../components/dialog.tsx';
import type { Subscription } from './subscription-text.ts';

interface Props {
  subscription: Subscription;
  opened: boolean;
  onClose: () => void;
}

export function PauseDialog({ subscription, opened, onClose }: Props) {
  const { t } = useTranslation('customer');
  const { id, planName: plan } = subscription;
  const sending = useApiMutation((api) => api.POST('/v1/subscriptions/{id}/pause', { params: { path: { id } } }), {
    invalidates: ['subscriptions', 'wallet'],
    onSuccess: onClose,
  });
  return (
    <Dialog
      opened={opened}
      onClose={onClose}
      title={t('pause.title', { plan })}
      confirm={t('pause.confirm')}
      onConfirm={() => sending.mutate()}
      isPending={sending.isPending}
      error={sending.error}
    >
      <Text>{t('pause.text')}</Text>
    </Dialog>
  );
}
