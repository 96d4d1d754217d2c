import { Anchor, Button, PasswordInput, Stack, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation } from 'react-router';
import { Problem } from '../components/problem.tsx';
import { ApiProblem } from '../problem.ts';
import { useSession } from '../session.tsx';
import { useCredentials } from './credentials.ts';
import { hasDemoLink, takeDemoLink } from './demo-link.ts';
import { VisitorPage } from './visitor-page.tsx';

export function SignIn() {
  const { t } = useTranslation();
  const { signIn } = useSession();
  const { state: from } = useLocation();
  const sending = useMutation({ mutationFn: signIn });
  const isEmailRefused = sending.error instanceof ApiProblem && 'body.email' in sending.error.fields;
  const [known] = useState(takeDemoLink);
  useEffect(() => {
    // Another link, opened on this very page, loads nothing by itself.
    const again = () => hasDemoLink() && location.reload();
    addEventListener('hashchange', again);
    return () => removeEventListener('hashchange', again);
  }, []);
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
