import { Stack } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Page } from '../components/page.tsx';
import { AutoTopUp } from './auto-top-up.tsx';
import { PaymentMethods } from './payment-methods.tsx';

export function Payment() {
  const { t } = useTranslation('customer');
  return (
    <Page title={t('payment.title')}>
      <Stack gap="lg" maw={680}>
        <PaymentMethods />
        <AutoTopUp />
      </Stack>
    </Page>
  );
}
