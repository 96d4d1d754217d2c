import { Skeleton, Stack } from '@mantine/core';
import { useTranslation } from 'react-i18next';

/** What stands where a page will be. */
export function PageSkeleton() {
  const { t } = useTranslation();
  return (
    <Stack gap="lg" role="status" aria-label={t('state.loading')}>
      <Skeleton h={34} w={220} />
      <Skeleton h={120} radius="lg" />
      <Skeleton h={220} radius="lg" />
    </Stack>
  );
}
