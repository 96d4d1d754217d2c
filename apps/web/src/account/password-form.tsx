import { Button, Group, PasswordInput, Stack } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useApiMutation } from '../api.ts';
import { Problem } from '../components/problem.tsx';
import { Section } from '../components/section.tsx';
import { useSignedIn } from '../session.tsx';
import { MIN_PASSWORD } from './credentials.ts';

const NOTHING = { currentPassword: '', newPassword: '' };

export function PasswordForm() {
  const { t } = useTranslation();
  const { user } = useSignedIn();
  const [form, setForm] = useState(NOTHING);
  const [wasSent, setWasSent] = useState(false);
  const changing = useApiMutation((api, body: typeof NOTHING) => api.PUT('/v1/auth/password', { body }), {
    invalidates: ['sessions'],
    onSuccess: () => {
      setForm(NOTHING);
      setWasSent(false);
      notifications.show({ message: t('profile.passwordChanged') });
    },
  });
  const isTooShort = form.newPassword.length < MIN_PASSWORD;
  const isMissing = wasSent && form.currentPassword === '';
  const newPasswordError = wasSent && isTooShort ? t('field.passwordShort') : undefined;
  const isRefused = changing.error?.fields['body.newPassword'] !== undefined;
  const isWrong = changing.error?.code === 'invalid_credentials';
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setWasSent(true);
    if (!isTooShort && form.currentPassword) changing.mutate(form);
  };
  return (
    <Section title={t('profile.password')} text={t('profile.passwordNote')}>
      <form onSubmit={submit} noValidate>
        <Stack>
          {/* For password managers, which keep a password by its account. */}
          <input hidden readOnly name="username" autoComplete="username" value={user.email} />
          <PasswordInput
            label={t('profile.currentPassword')}
            autoComplete="current-password"
            value={form.currentPassword}
            onChange={({ currentTarget: { value } }) => setForm({ ...form, currentPassword: value })}
            error={isWrong ? t('profile.wrongPassword') : isMissing ? t('field.required') : undefined}
            required
          />
          <PasswordInput
            label={t('profile.newPassword')}
            description={t('field.passwordHint')}
            autoComplete="new-password"
            value={form.newPassword}
            onChange={({ currentTarget: { value } }) => setForm({ ...form, newPassword: value })}
            error={newPasswordError ?? (isRefused && t('field.refused'))}
            maxLength={128}
            required
          />
          <Problem error={isWrong ? undefined : changing.error} />
          <Group>
            <Button type="submit" variant="default" loading={changing.isPending}>
              {t('profile.changePassword')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Section>
  );
}
