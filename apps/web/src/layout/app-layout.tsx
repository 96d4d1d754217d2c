import { AppShell, Burger, Group, Text, UnstyledButton } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { Leaf } from 'lucide-react';
import { type RefObject, Suspense, useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, Navigate, Outlet, ScrollRestoration, useLocation } from 'react-router';
import { PageSkeleton } from '../components/page-skeleton.tsx';
import { Bell } from '../notifications/bell.tsx';
import { LiveProvider } from '../notifications/live.tsx';
import { useSession } from '../session.tsx';
import classes from './app-layout.module.css';
import { Restoring } from './guards.tsx';
import { SideNavigation, TabBar, useDestinations } from './navigation.tsx';
import { LanguageSwitch, ThemeSwitch } from './switches.tsx';
import { UserMenu } from './user-menu.tsx';

/** A phone has room for this many tabs; where there are more destinations they are in a drawer. */
const MAX_TABS = 5;

/** What every signed-in page stands in: header, navigation, content. */
export function AppLayout() {
  const { state } = useSession();
  const { pathname, search } = useLocation();
  if (state.is === 'restoring' || state.is === 'unreachable') return <Restoring />;
  if (state.is !== 'signed in') return <Navigate to="/sign-in" state={pathname + search} replace />;
  return (
    <LiveProvider key={state.user.id}>
      <Shell />
    </LiveProvider>
  );
}

function Shell() {
  const { t } = useTranslation();
  const [opened, { toggle, close }] = useDisclosure();
  const destinations = useDestinations();
  const hasTabs = destinations.length <= MAX_TABS;
  const content = useRef<HTMLElement>(null);
  useFocusOnArrival(content);
  return (
    <AppShell
      header={{ height: 60 }}
      navbar={{ width: 232, breakpoint: 'sm', collapsed: { mobile: !opened } }}
      footer={{ height: { base: 64, sm: 0 }, collapsed: !hasTabs }}
      padding={{ base: 'md', sm: 'xl' }}
      layout="alt"
    >
      <a href="#content" className="skip-link">
        {t('nav.skip')}
      </a>
      <AppShell.Header className={classes.header}>
        <Group h="100%" px={{ base: 'md', sm: 'xl' }} justify="space-between" wrap="nowrap">
          <Group gap="sm" hiddenFrom="sm" wrap="nowrap">
            {hasTabs ? null : (
              <Burger opened={opened} onClick={toggle} size="sm" aria-label={t('nav.menu')} aria-expanded={opened} />
            )}
            <Brand />
          </Group>
          <span />
          <Group gap={4} wrap="nowrap">
            <LanguageSwitch />
            <ThemeSwitch />
            <Bell />
            <UserMenu />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar className={classes.navbar}>
        <Group h={60} px="lg" justify="space-between">
          <Brand />
          <Burger hiddenFrom="sm" opened={opened} onClick={toggle} size="sm" aria-label={t('nav.menu')} />
        </Group>
        <SideNavigation destinations={destinations} onGo={close} />
      </AppShell.Navbar>
      <AppShell.Main id="content" ref={content} tabIndex={-1} className={classes.main}>
        <div className={classes.page}>
          <Suspense fallback={<PageSkeleton />}>
            <Outlet />
          </Suspense>
        </div>
      </AppShell.Main>
      {hasTabs ? (
        <AppShell.Footer hiddenFrom="sm" className={classes.footer}>
          <TabBar destinations={destinations} />
        </AppShell.Footer>
      ) : null}
      <ScrollRestoration />
    </AppShell>
  );
}

/** Puts the focus at the start of each page somebody goes to, where a screen reader goes on; the first page has it already. */
function useFocusOnArrival(content: RefObject<HTMLElement | null>): void {
  const { pathname } = useLocation();
  const shown = useRef(pathname);
  useEffect(() => {
    if (shown.current === pathname) return;
    shown.current = pathname;
    content.current?.focus({ preventScroll: true });
  }, [pathname, content]);
}

function Brand() {
  return (
    <UnstyledButton component={Link} to="/" className={classes.brand}>
      <Leaf size={20} aria-hidden />
      <Text fw={650} size="md" span>
        Evergreen
      </Text>
    </UnstyledButton>
  );
}
