import { ActionIcon, Text, Tooltip } from '@mantine/core';
import { Check, CircleAlert, CircleCheck, Clock } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { useApiMutation } from '../api.ts';
import { useProblemToast } from '../components/problem.tsx';
import { useFormat } from '../format.ts';
import type { Notification } from './live.tsx';
import classes from './panel.module.css';

const ICONS = { payment_succeeded: CircleCheck, charge_failed: CircleAlert, expiry_notice: Clock } as const;

export function Item({ notification, onGo }: { notification: Notification; onGo: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const showProblem = useProblemToast();
  const { id, type, title, body, createdAt, readAt } = notification;
  const read = useApiMutation((api) => api.POST('/v1/notifications/{id}/read', { params: { path: { id } } }), {
    invalidates: ['notifications', 'unread-count'],
  });
  const markRead = () => read.mutate(undefined, { onError: showProblem });
  const Icon = ICONS[type];
  const path = pathOf(notification);
  return (
    <li className={classes.item} data-unread={readAt === null} data-type={type}>
      <Icon size={18} strokeWidth={1.75} aria-hidden className={classes.icon} />
      <div className={classes.text}>
        <Text size="sm" fw={600}>
          {path ? (
            <Link
              to={path}
              className={classes.link}
              onClick={() => {
                if (readAt === null) markRead();
                onGo();
              }}
            >
              {title}
            </Link>
          ) : (
            title
          )}
          {readAt === null ? <span className={classes.hidden}>, {t('bell.unread')}</span> : null}
        </Text>
        <Text size="sm">{body}</Text>
        <Text size="xs" c="dimmed" mt={4}>
          {format.dateTime(createdAt)}
        </Text>
      </div>
      {readAt === null ? (
        <Tooltip label={t('bell.markRead')} openDelay={400}>
          <ActionIcon
            variant="subtle"
            className={classes.mark ?? ''}
            loading={read.isPending}
            onClick={markRead}
            aria-label={`${t('bell.markRead')}: ${title}`}
          >
            <Check size={16} />
          </ActionIcon>
        </Tooltip>
      ) : null}
    </li>
  );
}

/** Where more is to be seen of what a notification is about. */
function pathOf({ data }: Notification): string | undefined {
  if (typeof data.subscriptionId === 'string') return `/subscriptions/${data.subscriptionId}`;
  if (typeof data.topUpId === 'string') return `/top-ups/${data.topUpId}`;
  return undefined;
}
