import { Group, SimpleGrid, Stack, Switch, Text, UnstyledButton } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useApiMutation, useApiQuery } from '../api.ts';
import { Page } from '../components/page.tsx';
import { PageSkeleton } from '../components/page-skeleton.tsx';
import { Problem } from '../components/problem.tsx';
import { Breaker } from './breaker.tsx';
import { FaultsForm } from './faults-form.tsx';
import { type Faults, PRESETS, type Preset, presetOf } from './gateway-presets.ts';
import classes from './operator.module.css';
import { Section } from './section.tsx';

const REFRESH_MS = 5_000;

/** The simulated payment gateway, and beside it the breaker that guards the wallet from it. */
export function Gateway() {
  const { t } = useTranslation('operator');
  const faults = useApiQuery(['operator', 'faults'], (api) => api.GET('/v1/gateway/faults'), {
    refetchInterval: REFRESH_MS,
  });
  const setting = useApiMutation((api, body: Partial<Faults>) => api.PUT('/v1/gateway/faults', { body }), {
    invalidates: ['operator'],
  });
  if (!faults.data && !faults.error) return <PageSkeleton />;
  return (
    <Page title={t('gateway.title')} intro={t('gateway.intro')}>
      <Problem error={setting.error ?? (faults.data ? undefined : faults.error)} />
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
        <Breaker />
        {faults.data ? (
          <Section title={t('gateway.outage')} intro={t('gateway.outageIntro')}>
            <Stack gap="lg">
              <Switch
                size="md"
                label={faults.data.outage ? t('gateway.isDown') : t('gateway.isUp')}
                color="red"
                checked={faults.data.outage}
                disabled={setting.isPending}
                onChange={({ currentTarget: { checked } }) => setting.mutate({ outage: checked })}
              />
              <Presets faults={faults.data} choose={(preset) => setting.mutate(PRESETS[preset])} />
            </Stack>
          </Section>
        ) : null}
      </SimpleGrid>
      {faults.data ? (
        <FaultsForm
          key={JSON.stringify(faults.data)}
          faults={faults.data}
          isSaving={setting.isPending}
          save={(values) => setting.mutate(values)}
        />
      ) : null}
    </Page>
  );
}

function Presets({ faults, choose }: { faults: Faults; choose: (preset: Preset) => void }) {
  const { t } = useTranslation('operator');
  const current = presetOf(faults);
  return (
    <div>
      <Group justify="space-between" mb={8}>
        <Text size="sm" fw={550}>
          {t('gateway.presets')}
        </Text>
        <Text size="xs" c="dimmed">
          {current ? null : t('gateway.ownSetting')}
        </Text>
      </Group>
      <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="xs">
        {(Object.keys(PRESETS) as Preset[]).map((preset) => (
          <UnstyledButton
            key={preset}
            className={classes.preset ?? ''}
            aria-pressed={preset === current}
            onClick={() => choose(preset)}
          >
            <Text size="sm" fw={550}>
              {t(`preset.${preset}`)}
            </Text>
            <Text size="xs" c="dimmed">
              {t(`preset.${preset}.text`)}
            </Text>
          </UnstyledButton>
        ))}
      </SimpleGrid>
    </div>
  );
}
