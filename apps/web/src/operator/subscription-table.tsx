import { Anchor } from '@mantine/core';
import { RefreshCw } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { useApiPages } from '../api.ts';
import { Amount } from '../components/amount.tsx';
import { Empty } from '../components/empty.tsx';
import { useFormat } from '../format.ts';
import { type Column, DataTable, moreOf } from './data-table.tsx';
import { PersonLink } from './person-link.tsx';
import { type Status, StatusBadge } from './status-badge.tsx';
import type { Subscription } from './subscription.tsx';

interface Filter {
  userId?: string;
  planId?: string;
  status?: Status;
}

/** Subscriptions, newest first: everybody's, or those of one person. */
export function SubscriptionTable({ filter, emptyText }: { filter: Filter; emptyText: string }) {
  const { t } = useTranslation('operator');
  const format = useFormat();
  const subscriptions = useApiPages(['subscriptions', 'operator', filter], (api, cursor) =>
    api.GET('/v1/operator/subscriptions', { params: { query: { ...filter, ...(cursor && { cursor }) } } }),
  );
  const columns: Column<Subscription>[] = [
    {
      key: 'plan',
      label: t('subscriptions.plan'),
      cell: ({ id, planName }) => (
        <Anchor component={Link} to={`/operator/subscriptions/${id}`} size="sm" fw={500} display="inline-block" py={4}>
          {planName}
        </Anchor>
      ),
    },
    { key: 'who', label: t('subscriptions.who'), wide: true, cell: ({ userId }) => <PersonLink id={userId} /> },
    { key: 'status', label: t('subscriptions.status'), cell: ({ status }) => <StatusBadge status={status} /> },
    {
      key: 'price',
      label: t('subscriptions.price'),
      right: true,
      wide: true,
      cell: ({ price }) => <Amount value={price} />,
    },
    {
      key: 'next',
      label: t('subscriptions.next'),
      right: true,
      wide: true,
      cell: ({ nextRenewalAt }) => <span className="num">{nextRenewalAt ? format.date(nextRenewalAt) : '–'}</span>,
    },
  ];
  return (
    <DataTable
      label={t('subscriptions.title')}
      rows={subscriptions.items}
      keyOf={({ id }) => id}
      error={subscriptions.error}
      onRetry={() => void subscriptions.refetch()}
      more={moreOf(subscriptions)}
      empty={<Empty icon={RefreshCw} title={t('subscriptions.none')} text={emptyText} />}
      columns={filter.userId === undefined ? columns : columns.filter(({ key }) => key !== 'who')}
    />
  );
}
