import { Anchor, Text } from '@mantine/core';
import { CheckCheck } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { useApiQuery } from '../api.ts';
import { Amount } from '../components/amount.tsx';
import { Empty } from '../components/empty.tsx';
import { useFormat } from '../format.ts';
import { DataTable } from './data-table.tsx';
import { PersonLink } from './person-link.tsx';
import { useScheduler } from './scheduler.tsx';
import { Section } from './section.tsx';

const SHOWN = 100;
const REFRESH_MS = 10_000;

/** What the scheduler would do with all that is due: who would be charged what. */
export function CatchUp() {
  const { t } = useTranslation('operator');
  const format = useFormat();
  const scheduler = useScheduler();
  const preview = useApiQuery(
    // Read again as soon as the scheduler says another number than what this is about.
    ['operator', 'catch-up', scheduler.data?.due],
    (api) => api.GET('/v1/operator/catch-up-preview', { params: { query: { limit: SHOWN } } }),
    { refetchInterval: REFRESH_MS, enabled: !scheduler.isPending, placeholderData: (before) => before },
  );
  const { data } = preview;
  const sums = data?.charges.map(({ amount, currency, count }) =>
    t('catchUp.charges', { count, money: format.money({ amount, currency }) }),
  );
  const sumText = sums && sums.length > 0 ? t('catchUp.sum', { sum: sums.join(' · ') }) : t('catchUp.intro');
  return (
    <Section
      title={t('catchUp.title')}
      intro={data?.nextCursor ? `${sumText} ${t('catchUp.shown', { count: SHOWN })}` : sumText}
      flush
    >
      <DataTable
        label={t('catchUp.title')}
        rows={data?.data}
        keyOf={({ subscriptionId }) => subscriptionId}
        error={preview.error}
        onRetry={() => void preview.refetch()}
        empty={<Empty icon={CheckCheck} title={t('catchUp.none')} text={t('catchUp.noneText')} />}
        columns={[
          {
            key: 'what',
            label: t('subscriptions.plan'),
            cell: ({ subscriptionId, planName, skippedPeriods }) => (
              <>
                <Anchor component={Link} to={`/operator/subscriptions/${subscriptionId}`} size="sm" fw={500}>
                  {planName}
                </Anchor>
                {skippedPeriods > 0 ? (
                  <Text size="xs" c="dimmed">
                    {t('timeline.skipped', { count: skippedPeriods })}
                  </Text>
                ) : null}
              </>
            ),
          },
          { key: 'who', label: t('subscriptions.who'), cell: ({ userId }) => <PersonLink id={userId} /> },
          { key: 'action', label: t('catchUp.action'), cell: ({ action }) => t(`catchUp.${action}`) },
          {
            key: 'since',
            label: t('catchUp.since'),
            right: true,
            wide: true,
            cell: ({ dueSince }) => format.dateTime(dueSince),
          },
          {
            key: 'amount',
            label: t('statement.amount'),
            right: true,
            cell: ({ amount }) => (amount ? <Amount value={amount} /> : '–'),
          },
        ]}
      />
    </Section>
  );
}
