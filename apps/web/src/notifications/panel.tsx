import { Button, Group, SegmentedControl, Skeleton, Stack } from '@mantine/core';
import { Bell } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useApiMutation, useApiPages } from '../api.ts';
import { Empty } from '../components/empty.tsx';
import { Problem, useProblemToast } from '../components/problem.tsx';
import { Item } from './item.tsx';
import classes from './panel.module.css';

const FILTERS = ['all', 'payment_succeeded', 'charge_failed', 'expiry_notice'] as const;
type Filter = (typeof FILTERS)[number];

/** Notifications, newest first. `onGo` is called when one leads to its page. */
export function Panel({ unreadCount, onGo }: { unreadCount: number; onGo: () => void }) {
  const { t } = useTranslation();
  const showProblem = useProblemToast();
  const [filter, setFilter] = useState<Filter>('all');
  const type = filter === 'all' ? undefined : filter;
  const list = useApiPages(['notifications', filter], (api, cursor) =>
    api.GET('/v1/notifications', {
      params: { query: { limit: 20, ...(type && { type }), ...(cursor && { cursor }) } },
    }),
  );
  const invalidates = ['notifications', 'unread-count'];
  const readAll = useApiMutation((api, upTo: string) => api.POST('/v1/notifications/read-all', { body: { upTo } }), {
    invalidates,
  });
  const [newest] = list.items ?? [];
  return (
    <Stack gap="md">
      <SegmentedControl
        fullWidth
        size="xs"
        aria-label={t('bell.filter')}
        value={filter}
        onChange={(value) => setFilter(FILTERS.find((one) => one === value) ?? 'all')}
        data={FILTERS.map((value) => ({ value, label: t(`bell.${value}`) }))}
      />
      {filter === 'all' && newest && unreadCount > 0 ? (
        <Group justify="flex-end">
          <Button
            variant="subtle"
            size="compact-sm"
            loading={readAll.isPending}
            onClick={() => readAll.mutate(newest.id, { onError: showProblem })}
          >
            {t('bell.readAll')}
          </Button>
        </Group>
      ) : null}
      <Problem error={list.error} onRetry={() => void list.refetch()} />
      {list.isPending ? [1, 2, 3].map((key) => <Skeleton key={key} h={64} />) : null}
      {list.items?.length === 0 ? (
        <Empty icon={Bell} title={t('bell.empty')} text={type ? t(`bell.emptyText_${type}`) : t('bell.emptyText')} />
      ) : null}
      {list.items && list.items.length > 0 ? (
        <ul className={classes.list}>
          {list.items.map((notification) => (
            <Item key={notification.id} notification={notification} onGo={onGo} />
          ))}
        </ul>
      ) : null}
      {list.hasNextPage ? (
        <Button variant="default" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
          {t('action.more')}
        </Button>
      ) : null}
    </Stack>
  );
}
