import { Group, Select } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useSearchParams } from 'react-router';
import { useApiQuery } from '../api.ts';
import { Page } from '../components/page.tsx';
import { Section } from './section.tsx';
import { STATUSES, type Status } from './status-badge.tsx';
import { SubscriptionTable } from './subscription-table.tsx';

const MOST_PLANS = 100;

/** Everybody's subscriptions, by status and plan. */
export function Subscriptions() {
  const { t } = useTranslation('operator');
  const [params, setParams] = useSearchParams();
  const plans = useApiQuery(['plans', 'all'], (api) =>
    api.GET('/v1/plans', { params: { query: { limit: MOST_PLANS, includeInactive: true } } }),
  );
  const status = STATUSES.find((one) => one === params.get('status'));
  const planId = params.get('plan') ?? undefined;
  const set = (name: string, value: string | null) =>
    setParams(
      (before) => {
        if (value) before.set(name, value);
        else before.delete(name);
        return before;
      },
      { replace: true },
    );
  return (
    <Page title={t('subscriptions.title')} intro={t('subscriptions.intro')}>
      <Group gap="sm">
        <Select
          aria-label={t('subscriptions.status')}
          placeholder={t('subscriptions.anyStatus')}
          clearable
          value={status ?? null}
          data={STATUSES.map((value: Status) => ({ value, label: t(`status.${value}`) }))}
          onChange={(value) => set('status', value)}
        />
        <Select
          aria-label={t('subscriptions.plan')}
          placeholder={t('subscriptions.anyPlan')}
          clearable
          searchable
          value={planId ?? null}
          data={plans.data?.data.map(({ id, name }) => ({ value: id, label: name })) ?? []}
          onChange={(value) => set('plan', value)}
        />
      </Group>
      <Section title={t('subscriptions.list')} flush>
        <SubscriptionTable
          filter={{ ...(status && { status }), ...(planId && { planId }) }}
          emptyText={t('subscriptions.noneText')}
        />
      </Section>
    </Page>
  );
}
