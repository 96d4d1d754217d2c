import { Anchor, Button, PasswordInput, Stack, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation } from 'react-router';
import { Problem } from '../components/problem.tsx';
import { ApiProblem } from '../problem.ts';
import { useSession } from '../session.tsx';
import { useCredentials } from './credentials.ts';
import { VisitorPage } from './visitor-page.tsx';

/**
 * What a link to the demo has filled in, as in /sign-in#email=...&password=...: no server hears of it. It goes from the address, so
 * that it stays in no history. Where the server does not say that this is a demo, a link could lead somebody into another's account.
 */
function takeFromAddress(): { email: string; password: string } {
  const said = new URLSearchParams(location.hash.slice(1));
  if (location.hash) history.replaceState(history.state, '', location.pathname + location.search);
  const isDemo = document.querySelector('meta[name=evergreen-demo-sign-in]') !== null;
  return isDemo
    ? { email: said.get('email') ?? '', password: said.get('password') ?? '' }
    : { email: '', password: '' };
}

export function SignIn() {
  const { t } = useTranslation();
  const { signIn } = useSession();
  const { state: from } = useLocation();
  const sending = useMutation({ mutationFn: signIn });
  const isEmailRefused = sending.error instanceof ApiProblem && 'body.email' in sending.error.fields;
  const [known] = useState(takeFromAddress);
  const { email, password, setEmail, setPassword, errors, check } = useCredentials(1, known);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (check()) sending.mutate({ email, password });
  };
  return (
    <VisitorPage title={t('signIn.title')}>
      <form onSubmit={submit} noValidate>
        <Stack>
          <TextInput
            name="email"
            type="email"
            label={t('field.email')}
            autoComplete="username"
            defaultValue={known.email}
            onChange={({ currentTarget: { value } }) => setEmail(value)}
            error={errors.email ?? (isEmailRefused && t('field.emailInvalid'))}
            required
            autoFocus
          />
          <PasswordInput
            name="password"
            label={t('field.password')}
            autoComplete="current-password"
            defaultValue={known.password}
            onChange={({ currentTarget: { value } }) => setPassword(value)}
            error={errors.password}
            required
          />
          <Problem error={sending.error} />
          <Button type="submit" loading={sending.isPending} mt="xs">
            {t('signIn.submit')}
          </Button>
        </Stack>
      </form>
      <Text size="sm" c="dimmed" ta="center">
        {t('signIn.noAccount')}{' '}
        <Anchor component={Link} to="/sign-up" state={from} underline="always" inherit>
          {t('signIn.toSignUp')}
        </Anchor>
      </Text>
    </VisitorPage>
  );
}
