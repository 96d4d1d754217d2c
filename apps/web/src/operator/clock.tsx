import { Button, Group, Progress as ProgressBar, Skeleton, Stack, Text, TextInput } from '@mantine/core';
import { Square } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useApiQuery } from '../api.ts';
import { Page } from '../components/page.tsx';
import { Problem } from '../components/problem.tsx';
import { useFormat } from '../format.ts';
import type { Advanced, Progress } from './advance-stream.ts';
import { CatchUp } from './catch-up.tsx';
import { Facts } from './facts.tsx';
import classes from './operator.module.css';
import { Scheduler } from './scheduler.tsx';
import { Section } from './section.tsx';
import { useAdvance } from './use-advance.ts';

const REFRESH_MS = 2_000;
const JUMPS = ['P1D', 'P1W', 'P1M', 'P3M', 'P1Y'] as const;

/** The time the business runs on, and what moving it leads to. */
export function ClockPage() {
  const { t } = useTranslation('operator');
  return (
    <Page title={t('clock.title')} intro={t('clock.intro')}>
      <BillingClock />
      <Scheduler />
      <CatchUp />
    </Page>
  );
}

function BillingClock() {
  const { t } = useTranslation('operator');
  const format = useFormat();
  const walk = useAdvance();
  const clock = useApiQuery(['operator', 'clock'], (api) => api.GET('/v1/clock'), { refetchInterval: REFRESH_MS });
  const now = walk.isRunning ? (walk.progress?.now ?? clock.data?.now) : clock.data?.now;
  return (
    <Section
      title={t('clock.now')}
      intro={clock.data && (clock.data.simulated ? t('clock.zone', { zone: format.timeZone }) : t('clock.real'))}
    >
      <Stack gap="lg">
        {now ? (
          <time className={classes.clock} dateTime={now} data-testid="billing-clock">
            {format.dateTime(now)}
          </time>
        ) : (
          <Skeleton h={39} w={280} />
        )}
        <Problem error={walk.error ?? (clock.data ? undefined : clock.error)} />
        {clock.data?.simulated ? (
          <Stack gap="sm">
            <Group gap="xs">
              {JUMPS.map((by) => (
                <Button key={by} variant="default" disabled={walk.isRunning} onClick={() => walk.advance({ by })}>
                  {t(`clock.jump.${by}`)}
                </Button>
              ))}
              {walk.isRunning ? (
                <Button variant="light" color="red" leftSection={<Square size={14} />} onClick={walk.stop}>
                  {t('clock.stop')}
                </Button>
              ) : null}
            </Group>
            <OwnJump isRunning={walk.isRunning} advance={(by) => walk.advance({ by })} />
          </Stack>
        ) : null}
        {walk.isRunning ? <Walking progress={walk.progress} /> : null}
        {!walk.isRunning && walk.done ? <Done done={walk.done} /> : null}
      </Stack>
    </Section>
  );
}

function OwnJump({ isRunning, advance }: { isRunning: boolean; advance: (by: string) => void }) {
  const { t } = useTranslation('operator');
  const [by, setBy] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    advance(by.trim().toUpperCase());
  };
  return (
    <form onSubmit={submit}>
      <Group gap="xs" align="flex-end">
        <TextInput
          label={t('clock.by')}
          placeholder="P2M10D"
          pattern="[Pp].+"
          maxLength={40}
          value={by}
          onChange={({ currentTarget: { value } }) => setBy(value)}
          required
        />
        <Button type="submit" variant="default" disabled={isRunning}>
          {t('clock.advance')}
        </Button>
      </Group>
    </form>
  );
}

function Walking({ progress }: { progress: (Progress & { from: string }) | undefined }) {
  const { t } = useTranslation('operator');
  const format = useFormat();
  const [from, now, target] = [progress?.from, progress?.now, progress?.target].map((at) => Date.parse(at ?? ''));
  const part = progress && target !== from ? ((now ?? 0) - (from ?? 0)) / ((target ?? 0) - (from ?? 0)) : 0;
  return (
    <Stack gap="md">
      <div>
        <ProgressBar value={Math.max(2, part * 100)} animated aria-label={t('clock.progress')} />
        <Group justify="space-between" mt={6}>
          <Text size="xs" c="dimmed">
            {progress ? t('clock.steps', { count: progress.steps }) : t('clock.starting')}
          </Text>
          <Text size="xs" c="dimmed">
            {progress ? t('clock.until', { at: format.dateTime(progress.target) }) : null}
          </Text>
        </Group>
      </div>
      {progress ? <Summary summary={progress.summary} /> : null}
    </Stack>
  );
}

function Done({ done }: { done: Advanced }) {
  const { t } = useTranslation('operator');
  const format = useFormat();
  return (
    <Stack gap="sm" role="status">
      <Text size="sm" fw={550}>
        {t('clock.done', { from: format.dateTime(done.from), now: format.dateTime(done.now) })}
        {' · '}
        {t('clock.steps', { count: done.steps })}
      </Text>
      <Summary summary={done.summary} />
    </Stack>
  );
}

function Summary({ summary }: { summary: Progress['summary'] }) {
  const { t } = useTranslation('operator');
  const format = useFormat();
  return (
    <Facts
      facts={[
        [t('clock.renewed'), format.number(summary.renewed)],
        [t('clock.activated'), format.number(summary.activated)],
        [t('clock.pending'), format.number(summary.pending)],
        [t('clock.expired'), format.number(summary.expired)],
        [t('clock.charged'), summary.charged.map(format.money).join(' · ') || '–'],
      ]}
    />
  );
}
