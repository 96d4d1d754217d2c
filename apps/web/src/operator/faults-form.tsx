import { Button, Group, NumberInput, SimpleGrid, Stack, Text } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type Faults, RATES } from './gateway-presets.ts';
import { Section } from './section.tsx';

interface Props {
  faults: Faults;
  isSaving: boolean;
  save: (faults: Faults) => void;
}

/** Every fault by its own rate, the delays, and the seed that makes their sequence the same again. */
export function FaultsForm({ faults, isSaving, save }: Props) {
  const { t } = useTranslation('operator');
  const [values, setValues] = useState(faults);
  const isChanged = JSON.stringify(values) !== JSON.stringify(faults);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save(values);
  };
  return (
    <Section title={t('gateway.faults')} intro={t('gateway.faultsIntro')}>
      <form onSubmit={submit}>
        <Stack gap="lg">
          <SimpleGrid cols={{ base: 1, xs: 2, md: 4 }} spacing="md" verticalSpacing="md">
            {RATES.map((rate) => (
              <NumberInput
                key={rate}
                label={t(`rate.${rate}`)}
                suffix=" %"
                min={0}
                max={100}
                decimalScale={1}
                value={Math.round(values.rates[rate] * 1_000) / 10}
                onChange={(percent) =>
                  setValues({ ...values, rates: { ...values.rates, [rate]: Number(percent) / 100 } })
                }
              />
            ))}
          </SimpleGrid>
          <SimpleGrid cols={{ base: 1, xs: 2, md: 4 }} spacing="md">
            {(['p50Ms', 'p99Ms'] as const).map((name) => (
              <NumberInput
                key={name}
                label={t(`gateway.${name}`)}
                min={0}
                max={60_000}
                step={50}
                allowDecimal={false}
                value={values.latency[name]}
                onChange={(ms) => setValues({ ...values, latency: { ...values.latency, [name]: Number(ms) } })}
              />
            ))}
            <NumberInput
              label={t('gateway.seed')}
              min={0}
              max={2 ** 32 - 1}
              allowDecimal={false}
              value={values.seed}
              onChange={(seed) => setValues({ ...values, seed: Number(seed) })}
            />
          </SimpleGrid>
          <Group justify="space-between">
            <Text size="sm" c="dimmed">
              {isChanged ? t('gateway.unsaved') : t('gateway.saved')}
            </Text>
            <Group gap="sm">
              <Button variant="default" disabled={!isChanged} onClick={() => setValues(faults)}>
                {t('gateway.undo')}
              </Button>
              <Button type="submit" disabled={!isChanged} loading={isSaving}>
                {t('gateway.apply')}
              </Button>
            </Group>
          </Group>
        </Stack>
      </form>
    </Section>
  );
}
