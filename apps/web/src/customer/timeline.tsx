import type { schemas } from '@evergreen/client/generated/api.ts';
import { Button, Skeleton, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useApiPages } from '../api.ts';
import { Problem } from '../components/problem.tsx';
import { useFormat } from '../format.ts';
import { StatusBadge } from './status-badge.tsx';
import classes from './timeline.module.css';

/** What happened to a subscription, newest first, with its causes. */
export function Timeline({ id }: { id: string }) {
  const { t } = useTranslation();
  const timeline = useApiPages(['subscriptions', id, 'timeline'], (api, cursor) =>
    api.GET('/v1/subscriptions/{id}/timeline', {
      params: { path: { id }, query: { limit: 20, ...(cursor && { cursor }) } },
    }),
  );
  if (timeline.error) return <Problem error={timeline.error} onRetry={() => void timeline.refetch()} />;
  if (!timeline.items) return <Skeleton h={160} />;
  return (
    <Stack>
      <ol className={classes.timeline}>
        {timeline.items.map((entry) => (
          <Entry key={entry.id} entry={entry} />
        ))}
      </ol>
      {timeline.hasNextPage ? (
        <Button
          variant="default"
          loading={timeline.isFetchingNextPage}
          onClick={() => void timeline.fetchNextPage()}
          style={{ alignSelf: 'flex-start' }}
        >
          {t('action.more')}
        </Button>
      ) : null}
    </Stack>
  );
}

function Entry({ entry }: { entry: schemas['TimelineEntry'] }) {
  const { t, i18n } = useTranslation('customer');
  const format = useFormat();
  const { at, from, to, trigger, actor, note, skippedPeriods } = entry;
  const key = `trigger.${trigger}`;
  // A newer server may know of more than this page does; its own word is better than none.
  const what = i18n.exists(`customer:${key}`) ? t(key as 'trigger.paid') : trigger;
  return (
    <li className={classes.entry}>
      <div className={classes.head}>
        <span className={classes.what}>
          {what}
          {actor?.role === 'operator' ? `, ${t('timeline.by')}` : ''}
        </span>
        {from === to ? null : <StatusBadge status={to} />}
      </div>
      <Text size="sm" c="dimmed">
        {format.dateTime(at)}
      </Text>
      {note ? <Text size="sm">“{note}”</Text> : null}
      {skippedPeriods > 0 ? <Text size="sm">{t('timeline.skipped', { count: skippedPeriods })}</Text> : null}
    </li>
  );
}
