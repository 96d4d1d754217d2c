import type { schemas } from '@evergreen/client/generated/api.ts';
import { Alert, Badge, Button, Group, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { MailCheck, RotateCcw, TriangleAlert } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useApiMutation, useApiQuery } from '../api.ts';
import { Empty } from '../components/empty.tsx';
import { Page } from '../components/page.tsx';
import { PageSkeleton } from '../components/page-skeleton.tsx';
import { Problem, useProblemToast } from '../components/problem.tsx';
import { useFormat } from '../format.ts';
import { DataTable } from './data-table.tsx';
import { DeadLetterModal } from './dead-letter-modal.tsx';
import { Section } from './section.tsx';

export type DeadLetter = schemas['DeadLetter'];
type Queue = schemas['DeadLetterQueue'];

const REFRESH_MS = 5_000;
const SHOWN = 50;

/** What could not be handled, by queue, and the way back. */
export function DeadLetters() {
  const { t } = useTranslation('operator');
  const format = useFormat();
  const letters = useApiQuery(
    ['operator', 'dead-letters'],
    (api) => api.GET('/v1/operator/dead-letters', { params: { query: { limit: SHOWN } } }),
    { refetchInterval: REFRESH_MS },
  );
  if (!letters.data && !letters.error) return <PageSkeleton />;
  const queues = letters.data?.queues ?? [];
  const full = queues.filter(({ count }) => count > 0);
  const total = full.reduce((sum, { count }) => sum + count, 0);
  const quiet = queues.filter(({ count }) => count === 0).map(({ queue }) => queue);
  return (
    <Page title={t('dead.title')} intro={letters.data ? t('dead.total', { count: total }) : t('dead.intro')}>
      <Problem error={letters.data ? undefined : letters.error} onRetry={() => void letters.refetch()} />
      {letters.data && letters.data.unavailable.length > 0 ? (
        <Alert color="orange" variant="light" icon={<TriangleAlert size={18} />} title={t('dead.unavailable')}>
          {new Intl.ListFormat(format.locale).format(letters.data.unavailable)}
        </Alert>
      ) : null}
      {full.map((queue) => (
        <QueueSection key={queue.queue} queue={queue} />
      ))}
      {letters.data && full.length === 0 ? (
        <Section title={t('dead.queues')}>
          <Empty icon={MailCheck} title={t('dead.none')} text={t('dead.noneText')} />
        </Section>
      ) : null}
      {full.length > 0 && quiet.length > 0 ? (
        <Text size="sm" c="dimmed">
          {t('dead.quiet', { queues: new Intl.ListFormat(format.locale).format(quiet) })}
        </Text>
      ) : null}
    </Page>
  );
}

function QueueSection({ queue: { queue, count, messages } }: { queue: Queue }) {
  const { t } = useTranslation('operator');
  const format = useFormat();
  const showProblem = useProblemToast();
  const [open, setOpen] = useState<DeadLetter>();
  const redriving = useApiMutation(
    (api, messageId: string | undefined) =>
      api.POST('/v1/operator/dead-letters/redrive', { body: { queue, ...(messageId && { messageId }) } }),
    {
      invalidates: ['operator'],
      onSuccess: ({ redriven }) => {
        setOpen(undefined);
        notifications.show({ title: t('dead.redriven', { count: redriven }), message: t('dead.redrivenText') });
      },
    },
  );
  const redrive = (messageId?: string) => redriving.mutate(messageId, { onError: showProblem });
  return (
    <Section
      title={queue}
      intro={t('dead.count', { count })}
      flush
      actions={
        <Button
          size="xs"
          variant="default"
          leftSection={<RotateCcw size={14} />}
          loading={redriving.isPending && redriving.variables === undefined}
          onClick={() => redrive()}
        >
          {t('dead.redriveAll')}
        </Button>
      }
    >
      <DataTable
        label={queue}
        rows={messages.map((message, place) => ({ ...message, place }))}
        keyOf={({ id, place }) => `${id ?? ''}${place}`}
        empty={null}
        columns={[
          {
            key: 'what',
            label: t('dead.message'),
            cell: ({ type, id, deadAt }) => (
              <>
                <Text size="sm" fw={500}>
                  {type?.replace(/^evergreen\./, '') ?? t('dead.unknownType')}
                </Text>
                <Text size="xs" c="dimmed">
                  {deadAt ? format.dateTime(deadAt) : '–'} · {id ? `…${id.slice(-8)}` : t('dead.noId')}
                </Text>
              </>
            ),
          },
          {
            key: 'reason',
            label: t('dead.reason'),
            cell: (message) => (
              <>
                <Badge variant="light" color="red" tt="none" radius="sm">
                  {reasonText(message.reason)}
                </Badge>
                <Text size="xs" c="dimmed" lineClamp={1} maw={360} mt={4}>
                  {message.detail}
                </Text>
              </>
            ),
          },
          { key: 'attempts', label: t('dead.attempts'), right: true, wide: true, cell: ({ attempts }) => attempts },
          { key: 'redrives', label: t('dead.redrives'), right: true, wide: true, cell: ({ redrives }) => redrives },
          {
            key: 'do',
            label: '',
            right: true,
            cell: (message) => (
              <Group gap={4} justify="flex-end" ml="auto" w={{ base: 76, sm: 'auto' }}>
                <Button size="compact-xs" variant="subtle" onClick={() => setOpen(message)}>
                  {t('dead.look')}
                </Button>
                {message.id === null ? null : (
                  <Button
                    size="compact-xs"
                    variant="subtle"
                    loading={redriving.isPending && redriving.variables === message.id}
                    onClick={() => redrive(message.id ?? undefined)}
                  >
                    {t('dead.redrive')}
                  </Button>
                )}
              </Group>
            ),
          },
        ]}
      />
      {open ? <DeadLetterModal letter={open} onClose={() => setOpen(undefined)} /> : null}
    </Section>
  );
}

/** As the system names it, with spaces. */
const reasonText = (reason: string): string => reason.replaceAll('_', ' ');
