import { ActionIcon } from '@mantine/core';
import { Bell as BellIcon } from 'lucide-react';
import { useTranslation } from 'react-i18next';

export function Bell() {
  const { t } = useTranslation();
  return (
    <ActionIcon variant="subtle" color="gray" c="dimmed" size="lg" aria-label={t('bell.label')}>
      <BellIcon size={18} strokeWidth={1.75} />
    </ActionIcon>
  );
}
