import { SimpleGrid, Skeleton, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';
import { useApiQuery } from '../api.ts';
import { Amount } from '../components/amount.tsx';
import { Facts } from '../components/facts.tsx';
import { Page } from '../components/page.tsx';
import { PageProblem } from '../components/page-problem.tsx';
import { PageSkeleton } from '../components/page-skeleton.tsx';
import { Problem } from '../components/problem.tsx';
import rows from '../components/rows.module.css';
import { Section } from '../components/section.tsx';
import { useFormat } from '../format.ts';
import { Attention } from './attention.tsx';
import { StatusBadge } from './status-badge.tsx';
import classes from './subscription.module.css';
import { SubscriptionActions } from './subscription-actions.tsx';
import { needsMoney, type Subscription, useIntervalText, useNextText } from './subscription-text.ts';
import { Timeline } from './timeline.tsx';

export function SubscriptionPage() {
  const { id = '' } = useParams();
  const nextText = useNextText();
  const { t } = useTranslation('customer');
  const query = useApiQuery(['subscriptions', id], (api) =>
    api.GET('/v1/subscriptions/{id}', { params: { path: { id } } }),
  );
  if (query.error) return <PageProblem error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <PageSkeleton />;
  const subscription = query.data;
  return (
    <Page
      title={subscription.planName}
      intro={
        <span role="status" className={classes.state}>
          <StatusBadge status={subscription.status} /> {nextText(subscription)}
        </span>
      }
      actions={<SubscriptionActions subscription={subscription} />}
    >
      <Stack gap="lg">
        {needsMoney(subscription) ? <Attention subscription={subscription} /> : null}
        <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
          <Summary subscription={subscription} />
          <Upcoming id={id} version={subscription.version} />
        </SimpleGrid>
        <Section title={t('subscription.timeline')}>
          <Timeline id={id} />
        </Section>
      </Stack>
    </Page>
  );
}

function Summary({ subscription }: { subscription: Subscription }) {
  const { t } = useTranslation('customer');
  const format = useFormat();
  const intervalText = useIntervalText();
  const { price, interval, currentPeriod, access, accessUntil, nextRenewalAt, change } = subscription;
  const openUntil = accessUntil
    ? t('subscription.accessUntil', { date: format.dateTime(accessUntil) })
    : t('subscription.accessOpen');
  return (
    <Section title={t('subscription.summary')}>
      <Facts
        items={[
          [t('subscription.price'), `${format.money(price)} ${intervalText(interval)}`],
          [t('subscription.access'), access ? openUntil : t('subscription.noAccess')],
          [t('subscription.period'), currentPeriod ? format.dates(currentPeriod) : t('subscription.none')],
          [t('subscription.nextRenewal'), nextRenewalAt ? format.date(nextRenewalAt) : t('subscription.none')],
          [t('subscription.changePlanned'), change ? `${change.planName}, ${format.money(change.price)}` : null],
        ]}
      />
    </Section>
  );
}

/** `version` of the subscription: what comes next is read again when it moved. */
function Upcoming({ id, version }: { id: string; version: number }) {
  const { t } = useTranslation('customer');
  const format = useFormat();
  const upcoming = useApiQuery(['subscriptions', id, 'upcoming', version], (api) =>
    api.GET('/v1/subscriptions/{id}/upcoming', { params: { path: { id }, query: { count: 3 } } }),
  );
  const data = upcoming.data?.data;
  return (
    <Section title={t('subscription.upcoming')}>
      <Problem error={upcoming.error} onRetry={() => void upcoming.refetch()} />
      {upcoming.isPending ? <Skeleton h={140} /> : null}
      {data?.length === 0 ? <Text c="dimmed">{t('subscription.upcomingNone')}</Text> : null}
      {data && data.length > 0 ? (
        <ul className={rows.rows}>
          {data.map(({ dueAt, planName, amount, period }) => (
            <li key={dueAt} className={rows.row}>
              <div className={rows.main}>
                <div className={rows.name}>{format.date(dueAt)}</div>
                <Text size="sm" c="dimmed">
                  {planName} · {format.dates(period)}
                </Text>
              </div>
              <Amount value={amount} />
            </li>
          ))}
        </ul>
      ) : null}
    </Section>
  );
}
