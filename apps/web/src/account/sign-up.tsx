import { Anchor, Button, PasswordInput, Stack, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import type { FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation } from 'react-router';
import { Problem } from '../components/problem.tsx';
import { ApiProblem } from '../problem.ts';
import { useSession } from '../session.tsx';
import { MIN_PASSWORD, useCredentials } from './credentials.ts';
import { VisitorPage } from './visitor-page.tsx';

export function SignUp() {
  const { t, i18n } = useTranslation();
  const { signUp } = useSession();
  const { state: from } = useLocation();
  const { email, password, setEmail, setPassword, errors, check } = useCredentials(MIN_PASSWORD);
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const sending = useMutation({ mutationFn: signUp });
  const fields = sending.error instanceof ApiProblem ? sending.error.fields : {};
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (check()) sending.mutate({ email, password, timeZone, locale: i18n.resolvedLanguage ?? 'en' });
  };
  return (
    <VisitorPage title={t('signUp.title')} intro={t('signUp.intro')}>
      <form onSubmit={submit} noValidate>
        <Stack>
          <TextInput
            name="email"
            type="email"
            label={t('field.email')}
            autoComplete="username"
            onChange={({ currentTarget: { value } }) => setEmail(value)}
            error={errors.email ?? (fields['body.email'] && t('field.emailInvalid'))}
            required
            autoFocus
          />
          <PasswordInput
            name="password"
            label={t('field.password')}
            description={t('field.passwordHint')}
            autoComplete="new-password"
            onChange={({ currentTarget: { value } }) => setPassword(value)}
            error={errors.password ?? (fields['body.password'] && t('field.refused'))}
            maxLength={128}
            required
          />
          <Text size="xs" c="dimmed">
            {t('signUp.timeZone', { timeZone })}
          </Text>
          <Problem error={sending.error} />
          <Button type="submit" loading={sending.isPending}>
            {t('signUp.submit')}
          </Button>
        </Stack>
      </form>
      <Text size="sm" c="dimmed" ta="center">
        {t('signUp.hasAccount')}{' '}
        <Anchor component={Link} to="/sign-in" state={from} underline="always" inherit>
          {t('signUp.toSignIn')}
        </Anchor>
      </Text>
    </VisitorPage>
  );
}
