import { Button, Center, Loader, Stack, Text } from '@mantine/core';
import { Suspense } from 'react';
import { useTranslation } from 'react-i18next';
import { Navigate, Outlet, useLocation } from 'react-router';
import { hasDemoLink } from '../account/demo-link.ts';
import { PageSkeleton } from '../components/page-skeleton.tsx';
import { useSession, useSignedIn } from '../session.tsx';

/** While nobody knows yet who is here, and when the server cannot be asked. */
export function Restoring() {
  const { t } = useTranslation();
  const { state, restore } = useSession();
  return (
    <Center h="100vh">
      {state.is === 'unreachable' ? (
        <Stack align="center" role="alert">
          <Text>{t('session.unreachable')}</Text>
          <Button onClick={() => void restore()}>{t('action.tryAgain')}</Button>
        </Stack>
      ) : (
        <Loader aria-label={t('state.loading')} />
      )}
    </Center>
  );
}

/** Sign-in and sign-up: whoever is signed in already goes to where they wanted to be, unless a link is for somebody else. */
export function VisitorsOnly() {
  const { state } = useSession();
  const { state: from } = useLocation();
  if (state.is === 'restoring' || state.is === 'unreachable') return <Restoring />;
  if (state.is === 'signed in' && !hasDemoLink())
    return <Navigate to={typeof from === 'string' ? from : '/'} replace />;
  return (
    <Suspense>
      <Outlet />
    </Suspense>
  );
}

/** Pages of one role; others are led to their own. */
export function RequireRole({ who }: { who: 'customer' | 'operator' }) {
  const { user } = useSignedIn();
  if (user.role !== who) return <Navigate to={user.role === 'operator' ? '/operator' : '/'} replace />;
  return (
    <Suspense fallback={<PageSkeleton />}>
      <Outlet />
    </Suspense>
  );
}
