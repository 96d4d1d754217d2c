import { Button, Group, SimpleGrid } from '@mantine/core';
import { Coins } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';
import { useApiQuery } from '../api.ts';
import { Page } from '../components/page.tsx';
import { PageProblem } from '../components/page-problem.tsx';
import { PageSkeleton } from '../components/page-skeleton.tsx';
import { Problem } from '../components/problem.tsx';
import { useFormat } from '../format.ts';
import { AdjustForm } from './adjust-form.tsx';
import { Facts } from './facts.tsx';
import { usePerson } from './person-link.tsx';
import { Section } from './section.tsx';
import { Statement } from './statement.tsx';
import { SubscriptionTable } from './subscription-table.tsx';

/** One person: account, balances, statement, subscriptions, and what can be done for them. */
export function PersonPage() {
  const { id = '' } = useParams();
  const person = usePerson(id);
  if (!person.data && !person.error) return <PageSkeleton />;
  if (!person.data) return <PageProblem error={person.error} onRetry={() => void person.refetch()} />;
  return <Person person={person.data} />;
}

function Person({ person }: { person: NonNullable<ReturnType<typeof usePerson>['data']> }) {
  const { t } = useTranslation('operator');
  const format = useFormat();
  return (
    <Page title={person.email} intro={t(`role.${person.role}`)}>
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
        <Section title={t('person.account')}>
          <Facts
            facts={[
              [t('people.since'), format.date(person.createdAt)],
              [t('people.timeZone'), person.timeZone],
              [t('people.locale'), format.language(person.locale)],
              [t('people.id'), person.id],
            ]}
          />
        </Section>
        <Balances userId={person.id} />
      </SimpleGrid>
      <Section title={t('subscriptions.title')} flush>
        <SubscriptionTable filter={{ userId: person.id }} emptyText={t('person.noSubscriptions')} />
      </Section>
      <Statement userId={person.id} />
    </Page>
  );
}

function Balances({ userId }: { userId: string }) {
  const { t } = useTranslation('operator');
  const format = useFormat();
  const [isAdjusting, setAdjusting] = useState(false);
  const wallet = useApiQuery(['wallet', userId], (api) =>
    api.GET('/v1/wallets/{userId}', { params: { path: { userId } } }),
  );
  const balances = wallet.data?.balances ?? [];
  return (
    <Section
      title={t('person.balances')}
      actions={
        <Button size="xs" variant="default" leftSection={<Coins size={14} />} onClick={() => setAdjusting(true)}>
          {t('adjust.open')}
        </Button>
      }
    >
      <Problem error={wallet.error} />
      <Group gap="xl" mih={48}>
        {balances.length > 0 ? (
          <Facts facts={balances.map((balance) => [balance.currency, format.money(balance)])} />
        ) : (
          wallet.data && t('person.noBalances')
        )}
      </Group>
      {isAdjusting ? (
        <AdjustForm userId={userId} currency={balances[0]?.currency ?? 'USD'} onClose={() => setAdjusting(false)} />
      ) : null}
    </Section>
  );
}
