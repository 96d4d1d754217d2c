import type { schemas } from '@evergreen/client/generated/api.ts';
import { Card, SegmentedControl, SimpleGrid, Skeleton, Text } from '@mantine/core';
import { keepPreviousData } from '@tanstack/react-query';
import { lazy, type ReactNode, Suspense, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useApiQuery } from '../api.ts';
import { Page } from '../components/page.tsx';
import { Problem } from '../components/problem.tsx';
import { useFormat } from '../format.ts';
import classes from './operator.module.css';

const MetricCharts = lazy(async () => ({ default: (await import('./charts/metric-charts.tsx')).MetricCharts }));

export type MetricsPoint = schemas['MetricsPoint'];
export type Step = 'day' | 'week' | 'month';

const STEPS: readonly Step[] = ['day', 'week', 'month'];
const REFRESH_MS = 10_000;

/** How the business does, over the billing clock. */
export function Overview() {
  const { t } = useTranslation('operator');
  const format = useFormat();
  const [step, setStep] = useState<Step>('day');
  const metrics = useApiQuery(
    ['operator', 'metrics', step],
    (api) => api.GET('/v1/operator/metrics', { params: { query: { step } } }),
    { refetchInterval: REFRESH_MS, placeholderData: keepPreviousData },
  );
  return (
    <Page
      title={t('overview.title')}
      intro={metrics.data ? t('overview.asOf', { at: format.dateTime(metrics.data.now) }) : t('overview.intro')}
      actions={
        <SegmentedControl
          aria-label={t('overview.step')}
          value={step}
          onChange={(value) => setStep(value as Step)}
          data={STEPS.map((value) => ({ value, label: t(`overview.${value}`) }))}
        />
      }
    >
      <Problem error={metrics.data ? undefined : metrics.error} onRetry={() => void metrics.refetch()} />
      <Tiles points={metrics.data?.data} />
      {metrics.data ? (
        <Suspense fallback={<ChartSkeletons />}>
          <MetricCharts points={metrics.data.data} step={step} />
        </Suspense>
      ) : (
        <ChartSkeletons />
      )}
    </Page>
  );
}

function Tiles({ points }: { points: readonly MetricsPoint[] | undefined }) {
  const { t } = useTranslation('operator');
  const format = useFormat();
  const last = points?.at(-1);
  const sum = (of: (point: MetricsPoint) => number) => points?.reduce((all, point) => all + of(point), 0) ?? 0;
  const atRisk = points?.[0]
    ? Math.max(1, points[0].active + points[0].pendingRenewal + sum(({ started }) => started))
    : 1;
  const mrr = last?.mrr.map(format.money).join(' · ') || '–';
  return (
    <SimpleGrid cols={{ base: 2, md: 4 }} spacing="md">
      <Tile label={t('overview.active')} note={last && t('overview.trialing', { count: last.trialing })}>
        {last && format.number(last.active)}
      </Tile>
      <Tile label={t('overview.pending')} note={t('overview.pendingNote')}>
        {last && format.number(last.pendingRenewal)}
      </Tile>
      <Tile label={t('overview.mrr')} note={t('overview.mrrNote')}>
        {last && mrr}
      </Tile>
      <Tile
        label={t('overview.churn')}
        note={points && t('overview.churnNote', { count: sum(({ churned }) => churned) })}
      >
        {points && format.percent(sum(({ churned }) => churned) / atRisk)}
      </Tile>
    </SimpleGrid>
  );
}

function Tile({ label, note, children }: { label: string; note?: ReactNode; children: ReactNode }) {
  return (
    <Card className={classes.tile ?? ''} padding="md">
      <Text size="sm" c="dimmed">
        {label}
      </Text>
      {children === undefined ? <Skeleton h={31} w="60%" /> : <div className={classes.figure}>{children}</div>}
      <Text size="xs" c="dimmed">
        {note ?? ' '}
      </Text>
    </Card>
  );
}

function ChartSkeletons() {
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
      {['subscriptions', 'mrr', 'renewals', 'churn'].map((name) => (
        <Skeleton key={name} h={308} radius="lg" />
      ))}
    </SimpleGrid>
  );
}
