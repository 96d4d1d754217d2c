import { Group, Skeleton, Stack, Text } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useApiQuery } from '../api.ts';
import { Problem } from '../components/problem.tsx';
import { useFormat } from '../format.ts';
import classes from './breaker.module.css';
import { Facts } from './facts.tsx';
import { Section } from './section.tsx';

const REFRESH_MS = 1_000;
const MAX_READINGS = 90;

type State = 'closed' | 'half_open' | 'open';
const STATES: readonly State[] = ['closed', 'half_open', 'open'];

/** The wallet's breaker as it is now, and how it was in the last minutes. */
export function Breaker() {
  const { t } = useTranslation('operator');
  const format = useFormat();
  const health = useApiQuery(['operator', 'gateway-health'], (api) => api.GET('/v1/wallets/gateway-health'), {
    refetchInterval: REFRESH_MS,
  });
  const readings = useReadings(health.data?.state, health.dataUpdatedAt);
  return (
    <Section title={t('breaker.title')} intro={t('breaker.intro')}>
      <Problem error={health.data ? undefined : health.error} />
      {health.data ? (
        <Stack gap="lg">
          <div className={classes.states} role="status" aria-label={t(`breaker.${health.data.state}`)}>
            {STATES.map((state) => (
              <div key={state} className={classes.state} data-state={state} data-on={state === health.data.state}>
                <span className={classes.lamp} />
                <Text size="sm" fw={550} span>
                  {t(`breaker.${state}`)}
                </Text>
              </div>
            ))}
          </div>
          <div>
            <div className={classes.strip} aria-hidden>
              {readings.map(({ at, state }) => (
                <span key={at} data-state={state} />
              ))}
            </div>
            <Group justify="space-between" mt={4}>
              <Text size="xs" c="dimmed">
                {t('breaker.strip', { count: MAX_READINGS })}
              </Text>
              <Text size="xs" c="dimmed">
                {t('breaker.now')}
              </Text>
            </Group>
          </div>
          <Facts
            facts={[
              [t('breaker.calls'), format.number(health.data.window.calls)],
              [t('breaker.failures'), format.number(health.data.window.failures)],
              [t('breaker.refused'), format.number(health.data.window.refused)],
              [t('breaker.p50'), t('gateway.ms', { count: Math.round(health.data.latencyMs.p50) })],
              [t('breaker.p99'), t('gateway.ms', { count: Math.round(health.data.latencyMs.p99) })],
              [t('breaker.unfinished'), format.number(health.data.unfinishedTopUps)],
            ]}
          />
        </Stack>
      ) : (
        <Skeleton h={220} />
      )}
    </Section>
  );
}

/** What was read since the page was opened, newest last. */
function useReadings(state: State | undefined, at: number): { at: number; state: State }[] {
  const [readings, setReadings] = useState<{ at: number; state: State }[]>([]);
  const last = useRef(0);
  useEffect(() => {
    if (state === undefined || last.current === at) return;
    last.current = at;
    setReadings((before) => [...before, { at, state }].slice(-MAX_READINGS));
  }, [state, at]);
  return readings;
}
