import type { schemas } from '@evergreen/client/generated/api.ts';
import { Button, Group } from '@mantine/core';
import { CalendarPlus, CircleX } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';
import { useApiQuery } from '../api.ts';
import { Page } from '../components/page.tsx';
import { PageProblem } from '../components/page-problem.tsx';
import { PageSkeleton } from '../components/page-skeleton.tsx';
import { useFormat } from '../format.ts';
import { CancelForm } from './cancel-form.tsx';
import { ExtendForm } from './extend-form.tsx';
import { Facts } from './facts.tsx';
import { PersonLink } from './person-link.tsx';
import { Section } from './section.tsx';
import { StatusBadge } from './status-badge.tsx';
import { Timeline } from './timeline.tsx';

export type Subscription = schemas['OperatorSubscription'];
const REFRESH_MS = 5_000;

/** One subscription: how it stands, how it got there, and what an operator does with it. */
export function SubscriptionPage() {
  const { id = '' } = useParams();
  const subscription = useApiQuery(
    ['subscriptions', 'operator', id],
    (api) => api.GET('/v1/operator/subscriptions/{id}', { params: { path: { id } } }),
    { refetchInterval: REFRESH_MS },
  );
  if (subscription.data) return <One subscription={subscription.data} />;
  if (!subscription.error) return <PageSkeleton />;
  return <PageProblem error={subscription.error} onRetry={() => void subscription.refetch()} />;
}

function One({ subscription: one }: { subscription: Subscription }) {
  const { t } = useTranslation('operator');
  const format = useFormat();
  const [asked, setAsked] = useState<'cancel' | 'extend'>();
  const date = (at: string | null) => (at ? format.dateTime(at) : '–');
  const isOver = one.status === 'expired';
  const close = () => setAsked(undefined);
  return (
    <Page
      title={one.planName}
      intro={
        <Group gap="sm" component="span">
          <StatusBadge status={one.status} />
          <PersonLink id={one.userId} />
        </Group>
      }
      actions={
        isOver ? null : (
          <>
            <Button variant="default" leftSection={<CalendarPlus size={16} />} onClick={() => setAsked('extend')}>
              {t('extend.open')}
            </Button>
            <Button variant="default" leftSection={<CircleX size={16} />} onClick={() => setAsked('cancel')}>
              {t('cancel.open')}
            </Button>
          </>
        )
      }
    >
      <Section title={t('subscription.state')}>
        <Facts
          facts={[
            [t('subscriptions.price'), format.money(one.price)],
            [t('subscription.period'), one.currentPeriod ? format.dates(one.currentPeriod) : '–'],
            [t('subscriptions.next'), date(one.nextRenewalAt)],
            [t('subscription.access'), one.access ? t('subscription.yes') : t('subscription.no')],
            [t('subscription.accessUntil'), date(one.accessUntil)],
            [t('subscription.version'), String(one.planVersion)],
            ...(one.cancelAt ? [[t('subscription.cancelAt'), date(one.cancelAt)] as [string, string]] : []),
            ...(one.graceEndsAt ? [[t('subscription.graceEndsAt'), date(one.graceEndsAt)] as [string, string]] : []),
            ...(one.change ? [[t('subscription.change'), one.change.planName] as [string, string]] : []),
            [t('people.id'), one.id],
          ]}
        />
      </Section>
      <Section title={t('timeline.title')} intro={t('timeline.intro')}>
        <Timeline subscriptionId={one.id} version={one.version} />
      </Section>
      {asked === 'cancel' ? <CancelForm subscription={one} onClose={close} /> : null}
      {asked === 'extend' ? <ExtendForm subscription={one} onClose={close} /> : null}
    </Page>
  );
}
