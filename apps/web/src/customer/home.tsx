import { Anchor, Button, SimpleGrid, Skeleton, Stack } from '@mantine/core';
import { Plus } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { Page } from '../components/page.tsx';
import { Problem } from '../components/problem.tsx';
import { Section } from '../components/section.tsx';
import { Attention } from './attention.tsx';
import { BalanceCard } from './balance-card.tsx';
import { ComingUp } from './coming-up.tsx';
import { useAutoTopUps, useRecentMovements, useRecentTopUps, useSubscriptions, useWallet } from './queries.ts';
import { RecentMovements } from './recent-movements.tsx';
import { SubscriptionList } from './subscription-list.tsx';
import { needsMoney } from './subscription-text.ts';
import { TopUpsUnderWay } from './top-ups-under-way.tsx';

export function Home() {
  const { t } = useTranslation('customer');
  const isReady = useIsReady();
  return (
    <Page
      title={t('home.title')}
      actions={
        <Button component={Link} to="/top-up" leftSection={<Plus size={16} aria-hidden />}>
          {t('home.topUp')}
        </Button>
      }
    >
      {isReady ? <Content /> : <HomeSkeleton />}
    </Page>
  );
}

/** All parts appear together, so that none pushes another away; one that fails keeps nobody waiting. */
function useIsReady(): boolean {
  const parts = [useWallet(), useSubscriptions(), useAutoTopUps(), useRecentMovements(), useRecentTopUps()];
  return parts.every(({ isPending, failureCount }) => !isPending || failureCount > 0);
}

function Content() {
  const { t } = useTranslation('customer');
  const subscriptions = useSubscriptions();
  const all = subscriptions.data?.data;
  return (
    <Stack gap="lg">
      {all?.filter(needsMoney).map((subscription) => (
        <Attention key={subscription.id} subscription={subscription} />
      ))}
      <TopUpsUnderWay />
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
        <BalanceCard />
        <ComingUp subscriptions={all} />
      </SimpleGrid>
      <Section title={t('home.subscriptions')}>
        <Problem error={subscriptions.error} onRetry={() => void subscriptions.refetch()} />
        {subscriptions.error ? null : <SubscriptionList subscriptions={all} />}
      </Section>
      <Section
        title={t('home.recent')}
        side={
          <Anchor component={Link} to="/statement" size="sm">
            {t('home.wholeStatement')}
          </Anchor>
        }
      >
        <RecentMovements />
      </Section>
    </Stack>
  );
}

function HomeSkeleton() {
  const { t } = useTranslation();
  return (
    <Stack gap="lg" role="status" aria-label={t('state.loading')}>
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
        <Skeleton h={128} radius="lg" />
        <Skeleton h={128} radius="lg" />
      </SimpleGrid>
      <Skeleton h={180} radius="lg" />
      <Skeleton h={300} radius="lg" />
    </Stack>
  );
}
