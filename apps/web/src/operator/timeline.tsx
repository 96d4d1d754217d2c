import { Button, Group, Skeleton, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useApiPages } from '../api.ts';
import { Problem } from '../components/problem.tsx';
import { useFormat } from '../format.ts';
import { eventName } from './flow-layout.ts';
import classes from './operator.module.css';
import { StatusBadge } from './status-badge.tsx';
import { useTriggerText } from './trigger-text.ts';

/** An event by its name; requests and the schedule as they are. */
const causeText = (type: string): string => (type.startsWith('evergreen.') ? eventName(type) : type);

/** What happened to a subscription and why, newest first. `version` tells when there is something new. */
export function Timeline({ subscriptionId: id, version }: { subscriptionId: string; version: number }) {
  const { t } = useTranslation('operator');
  const { t: shell } = useTranslation();
  const format = useFormat();
  const textOf = useTriggerText();
  const entries = useApiPages(['subscriptions', 'operator', id, 'timeline', version], (api, cursor) =>
    api.GET('/v1/operator/subscriptions/{id}/timeline', {
      params: { path: { id }, query: { ...(cursor && { cursor }) } },
    }),
  );
  if (entries.error && !entries.items) return <Problem error={entries.error} />;
  if (!entries.items) return <Skeleton h={160} />;
  return (
    <>
      <ol className={classes.timeline}>
        {entries.items.map((entry) => (
          <li key={entry.id}>
            <Group gap="xs">
              <Text size="sm" fw={550}>
                {textOf(entry.trigger)}
              </Text>
              {entry.from === entry.to ? null : <StatusBadge status={entry.to} />}
            </Group>
            <Text size="xs" c="dimmed">
              {format.dateTime(entry.at)} · {causeText(entry.cause.type)}
              {entry.actor ? ` · ${t(`role.${entry.actor.role}`)}` : ''}
              {entry.skippedPeriods > 0 ? ` · ${t('timeline.skipped', { count: entry.skippedPeriods })}` : ''}
            </Text>
            {entry.note ? (
              <Text size="sm" mt={4}>
                “{entry.note}”
              </Text>
            ) : null}
          </li>
        ))}
      </ol>
      {entries.hasNextPage ? (
        <Button
          variant="default"
          size="xs"
          loading={entries.isFetchingNextPage}
          onClick={() => void entries.fetchNextPage()}
        >
          {shell('action.more')}
        </Button>
      ) : null}
    </>
  );
}
