import type { schemas } from '@evergreen/client/generated/api.ts';
import { Badge, Button, Group, Text } from '@mantine/core';
import { Layers, Plus } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useApiPages } from '../api.ts';
import { Amount } from '../components/amount.tsx';
import { Empty } from '../components/empty.tsx';
import { Page } from '../components/page.tsx';
import { DataTable, moreOf } from './data-table.tsx';
import { PlanForm } from './plan-form.tsx';
import { PlanVersions } from './plan-versions.tsx';
import { Section } from './section.tsx';

export type Plan = schemas['Plan'];
type Asked = { for: 'create' } | { for: 'change' | 'versions'; plan: Plan };

/** What is sold, what was, and on which terms. */
export function Plans() {
  const { t } = useTranslation('operator');
  const [asked, setAsked] = useState<Asked>();
  const plans = useApiPages(['plans', 'operator'], (api, cursor) =>
    api.GET('/v1/plans', { params: { query: { includeInactive: true, ...(cursor && { cursor }) } } }),
  );
  const close = () => setAsked(undefined);
  return (
    <Page
      title={t('plans.title')}
      intro={t('plans.intro')}
      actions={
        <Button leftSection={<Plus size={16} />} onClick={() => setAsked({ for: 'create' })}>
          {t('plans.create')}
        </Button>
      }
    >
      <Section title={t('plans.list')} flush>
        <DataTable
          label={t('plans.title')}
          rows={plans.items}
          keyOf={({ id }) => id}
          error={plans.error}
          onRetry={() => void plans.refetch()}
          more={moreOf(plans)}
          empty={<Empty icon={Layers} title={t('plans.none')} text={t('plans.noneText')} />}
          columns={[
            {
              key: 'name',
              label: t('plans.name'),
              cell: ({ name, description, active }) => (
                <>
                  <Group gap="xs">
                    <Text size="sm" fw={550}>
                      {name}
                    </Text>
                    {active ? null : (
                      <Badge size="sm" radius="sm" tt="none" variant="light" color="gray">
                        {t('plans.notSold')}
                      </Badge>
                    )}
                  </Group>
                  <Text size="xs" c="dimmed" lineClamp={1}>
                    {description}
                  </Text>
                </>
              ),
            },
            {
              key: 'price',
              label: t('subscriptions.price'),
              right: true,
              cell: ({ price }) => <Amount value={price} />,
            },
            {
              key: 'interval',
              label: t('plans.interval'),
              cell: ({ interval: { unit, count } }) =>
                count === 1 ? t(`plans.each.${unit}`) : t(`plans.every.${unit}`, { count }),
            },
            {
              key: 'trial',
              label: t('plans.trial'),
              right: true,
              wide: true,
              cell: ({ trialDays }) => days(trialDays),
            },
            {
              key: 'grace',
              label: t('plans.grace'),
              right: true,
              wide: true,
              cell: ({ graceDays }) => days(graceDays),
            },
            {
              key: 'version',
              label: t('plans.version'),
              right: true,
              wide: true,
              cell: (plan) => (
                <Button size="compact-xs" variant="subtle" onClick={() => setAsked({ for: 'versions', plan })}>
                  {t('plans.versionNumber', { version: plan.version })}
                </Button>
              ),
            },
            {
              key: 'change',
              label: '',
              right: true,
              cell: (plan) => (
                <Button size="compact-xs" variant="subtle" onClick={() => setAsked({ for: 'change', plan })}>
                  {t('plans.change')}
                </Button>
              ),
            },
          ]}
        />
      </Section>
      {asked?.for === 'create' ? <PlanForm onClose={close} /> : null}
      {asked?.for === 'change' ? <PlanForm plan={asked.plan} onClose={close} /> : null}
      {asked?.for === 'versions' ? <PlanVersions plan={asked.plan} onClose={close} /> : null}
    </Page>
  );

  function days(count: number) {
    return <span className="num">{count === 0 ? '–' : t('plans.days', { count })}</span>;
  }
}
