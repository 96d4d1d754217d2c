import { Anchor, Button, PasswordInput, Stack, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation } from 'react-router';
import { Problem } from '../components/problem.tsx';
import { ApiProblem } from '../problem.ts';
import { useSession } from '../session.tsx';
import { VisitorPage } from './visitor-page.tsx';

const MIN_PASSWORD = 8;

export function SignUp() {
  const { t, i18n } = useTranslation();
  const { signUp } = useSession();
  const { state: from } = useLocation();
  const [password, setPassword] = useState('');
  const [wasSent, setWasSent] = useState(false);
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const sending = useMutation({ mutationFn: signUp });
  const fields = sending.error instanceof ApiProblem ? sending.error.fields : {};
  const tooShort = wasSent && password.length < MIN_PASSWORD ? t('field.passwordShort') : undefined;
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setWasSent(true);
    if (password.length < MIN_PASSWORD) return;
    const email = String(new FormData(event.currentTarget).get('email')).trim();
    sending.mutate({ email, password, timeZone, locale: i18n.resolvedLanguage ?? 'en' });
  };
  return (
    <VisitorPage title={t('signUp.title')} intro={t('signUp.intro')}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput
            name="email"
            type="email"
            label={t('field.email')}
            autoComplete="username"
            error={fields['body.email']}
            required
            autoFocus
          />
          <PasswordInput
            name="password"
            label={t('field.password')}
            description={t('field.passwordHint')}
            autoComplete="new-password"
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
            error={tooShort ?? fields['body.password']}
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
