import '@mantine/charts/styles.css';
import { AreaChart, BarChart, LineChart } from '@mantine/charts';
import { SegmentedControl, SimpleGrid } from '@mantine/core';
import { type ReactNode, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type Currency, toMajor, useFormat } from '../../format.ts';
import type { MetricsPoint, Step } from '../overview.tsx';
import { Section } from '../section.tsx';

const HEIGHT = 220;
/** Bright enough on either ground. */
const ACCENT = 'var(--eg-accent-text)';

const LOOKS = {
  h: HEIGHT,
  dataKey: 'at',
  gridAxis: 'x',
  tickLine: 'none',
  // Without a height of its own, so that it may wrap.
  legendProps: { verticalAlign: 'bottom' },
  xAxisProps: { minTickGap: 32, tickMargin: 8 },
  yAxisProps: { allowDecimals: false, width: 44, interval: 0 },
} as const;

/** The figures of a business as pictures; each also has its name as text, and its figures in the tooltip. */
export function MetricCharts({ points, step }: { points: readonly MetricsPoint[]; step: Step }) {
  const { t } = useTranslation('operator');
  const format = useFormat();
  const rows = useMemo(
    () => points.map((point) => ({ ...point, at: nameOf(point.start, step, format.locale) })),
    [points, step, format.locale],
  );
  const series = (name: keyof MetricsPoint & string, label: string, color: string) => ({ name, label, color });
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
      <Chart title={t('overview.subscriptions')}>
        <AreaChart
          {...LOOKS}
          withLegend
          data={rows}
          curveType="linear"
          withDots={false}
          fillOpacity={0.12}
          valueFormatter={format.number}
          series={[
            series('active', t('status.active'), ACCENT),
            series('pendingRenewal', t('status.pending_renewal'), 'orange.6'),
            series('trialing', t('status.trialing'), 'blue.5'),
          ]}
        />
      </Chart>
      <MrrChart points={points} step={step} />
      <Chart title={t(`overview.renewals.${step}`)}>
        <BarChart
          {...LOOKS}
          data={rows}
          valueFormatter={format.number}
          maxBarWidth={22}
          series={[series('renewals', t('overview.renewals'), ACCENT)]}
        />
      </Chart>
      <Chart title={t('overview.comeAndGo')}>
        <BarChart
          {...LOOKS}
          data={rows}
          valueFormatter={format.number}
          maxBarWidth={14}
          withLegend
          series={[
            series('started', t('overview.started'), ACCENT),
            series('churned', t('overview.churned'), 'orange.6'),
          ]}
        />
      </Chart>
    </SimpleGrid>
  );
}

/** Amounts of different currencies have no common axis. */
function MrrChart({ points, step }: { points: readonly MetricsPoint[]; step: Step }) {
  const { t } = useTranslation('operator');
  const format = useFormat();
  const currencies = [...new Set(points.flatMap(({ mrr }) => mrr.map(({ currency }) => currency)))].sort();
  const [chosen, setChosen] = useState<Currency>();
  const currency = chosen && currencies.includes(chosen) ? chosen : (currencies[0] ?? 'USD');
  const rows = points.map(({ start, mrr }) => ({
    at: nameOf(start, step, format.locale),
    mrr: toMajor({ currency, amount: mrr.find((one) => one.currency === currency)?.amount ?? 0 }),
  }));
  const short = new Intl.NumberFormat(format.locale, { notation: 'compact', maximumFractionDigits: 1 });
  const full = new Intl.NumberFormat(format.locale, { style: 'currency', currency });
  return (
    <Chart
      title={t('overview.mrrIn', { currency })}
      actions={
        currencies.length > 1 ? (
          <SegmentedControl
            size="xs"
            aria-label={t('overview.currency')}
            value={currency}
            onChange={(value) => setChosen(value as Currency)}
            data={currencies}
          />
        ) : null
      }
    >
      <LineChart
        {...LOOKS}
        data={rows}
        curveType="linear"
        withDots={false}
        valueFormatter={(value) => full.format(value)}
        yAxisProps={{ ...LOOKS.yAxisProps, tickFormatter: (value: number) => short.format(value) }}
        series={[{ name: 'mrr', label: t('overview.mrr'), color: ACCENT }]}
      />
    </Chart>
  );
}

function Chart({ title, actions, children }: { title: string; actions?: ReactNode; children: ReactNode }) {
  return (
    <Section title={title} actions={actions}>
      {children}
    </Section>
  );
}

/** Steps are of UTC. */
function nameOf(start: string, step: Step, locale: string): string {
  const fields =
    step === 'month' ? ({ month: 'short', year: '2-digit' } as const) : ({ day: 'numeric', month: 'short' } as const);
  return new Intl.DateTimeFormat(locale, { ...fields, timeZone: 'UTC' }).format(new Date(start));
}
