import { Badge, Button, Skeleton } from '@mantine/core';
import { Pause, Play } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { useApiMutation, useApiQuery } from '../api.ts';
import { Problem } from '../components/problem.tsx';
import { useFormat } from '../format.ts';
import { Facts } from './facts.tsx';
import { Section } from './section.tsx';

const REFRESH_MS = 3_000;

/** How the scheduler stands, for all that show it; read once for them. */
export const useScheduler = () =>
  useApiQuery(['operator', 'scheduler'], (api) => api.GET('/v1/operator/scheduler'), { refetchInterval: REFRESH_MS });

/** Whether subscriptions are renewed by themselves now, and how far behind that is. */
export function Scheduler() {
  const { t } = useTranslation('operator');
  const format = useFormat();
  const scheduler = useScheduler();
  const changing = useApiMutation(
    (api, to: 'pause' | 'resume') =>
      to === 'pause' ? api.POST('/v1/operator/scheduler/pause') : api.POST('/v1/operator/scheduler/resume'),
    { invalidates: ['operator'] },
  );
  const isPaused = scheduler.data?.paused ?? false;
  return (
    <Section
      title={t('scheduler.title')}
      intro={t('scheduler.intro')}
      actions={
        <Button
          size="xs"
          variant={isPaused ? 'filled' : 'default'}
          leftSection={isPaused ? <Play size={14} /> : <Pause size={14} />}
          loading={changing.isPending}
          disabled={!scheduler.data}
          onClick={() => changing.mutate(isPaused ? 'resume' : 'pause')}
        >
          {isPaused ? t('scheduler.resume') : t('scheduler.pause')}
        </Button>
      }
    >
      <Problem error={changing.error ?? (scheduler.data ? undefined : scheduler.error)} />
      {scheduler.data ? (
        <Facts
          facts={[
            [
              t('scheduler.state'),
              <Badge key="state" variant="light" radius="sm" tt="none" color={isPaused ? 'orange' : 'green'}>
                {isPaused ? t('scheduler.paused') : t('scheduler.running')}
              </Badge>,
            ],
            [t('scheduler.due'), format.number(scheduler.data.due)],
            [t('scheduler.oldest'), scheduler.data.oldestDueAt ? format.dateTime(scheduler.data.oldestDueAt) : '–'],
            [t('scheduler.lag'), lagText(scheduler.data.lagSeconds, format.locale)],
          ]}
        />
      ) : (
        <Skeleton h={44} />
      )}
    </Section>
  );
}

const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const;

/** A span of time in its largest unit. */
function lagText(seconds: number, locale: string): string {
  if (seconds < 1) return '–';
  const [unit, size] = UNITS.find(([, one]) => seconds >= one) ?? (['second', 1] as const);
  return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long', maximumFractionDigits: 0 }).format(
    seconds / size,
  );
}
