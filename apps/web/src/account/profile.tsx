import { Stack } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Page } from '../components/page.tsx';
import { AccountForm } from './account-form.tsx';
import { NotificationPreferences } from './notification-preferences.tsx';
import { PasswordForm } from './password-form.tsx';
import { Sessions } from './sessions.tsx';

export function Profile() {
  const { t } = useTranslation();
  return (
    <Page title={t('profile.title')}>
      <Stack gap="lg" maw={680}>
        <AccountForm />
        <NotificationPreferences />
        <PasswordForm />
        <Sessions />
      </Stack>
    </Page>
  );
}
