import type { schemas } from '@evergreen/client/generated/api.ts';
import { Alert, Button, Group, NumberInput, Select, SimpleGrid, Skeleton, Stack, Switch, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useApiMutation, useApiQuery } from '../api.ts';
import { Problem } from '../components/problem.tsx';
import { Section } from '../components/section.tsx';
import { type Currency, minorDigits, toMajor, toMinor, useFormat } from '../format.ts';
import { useCardName } from './card-name.ts';
import { useMainCurrency, useSavedMethods } from './queries.ts';
import { CURRENCIES } from './top-up.tsx';

type Settings = schemas['AutoTopUp'];
type Body = schemas['AutoTopUpBody'];

/** In whole units, until somebody says otherwise. */
const USUAL = { threshold: 5, amount: 20, maxPerDay: 100 };

/** Automatic top-up of one currency at a time, first that of the balance. */
export function AutoTopUp() {
  const { t } = useTranslation('customer');
  const main = useMainCurrency();
  const [chosen, setChosen] = useState<Currency>();
  const currency = chosen ?? main ?? 'USD';
  const query = { currency };
  const settings = useApiQuery(
    ['auto-top-up', currency],
    (api) => api.GET('/v1/wallet/auto-top-up', { params: { query } }),
    { enabled: main !== undefined },
  );
  return (
    <Section title={t('auto.title')} text={t('auto.text')}>
      <Problem error={settings.error} onRetry={() => void settings.refetch()} />
      {settings.isPending ? <Skeleton h={220} /> : null}
      {settings.data ? (
        <AutoTopUpForm
          key={currency}
          currency={currency}
          settings={settings.data.data.find((one) => one.currency === currency)}
          onCurrency={setChosen}
        />
      ) : null}
    </Section>
  );
}

interface FormProps {
  currency: Currency;
  settings: Settings | undefined;
  onCurrency: (currency: Currency) => void;
}

function AutoTopUpForm({ currency, settings, onCurrency }: FormProps) {
  const { t } = useTranslation('customer');
  const { t: tShell } = useTranslation();
  const format = useFormat();
  const cardName = useCardName();
  const saved = useSavedMethods();
  const [form, setForm] = useState<Body>(() => (settings ? bodyOf(settings) : usualBody(currency)));
  const methods = saved.data?.data ?? [];
  const methodId = form.paymentMethodId ?? methods[0]?.id ?? null;
  const save = useApiMutation((api, body: Body) => api.PUT('/v1/wallet/auto-top-up', { body }), {
    invalidates: ['auto-top-up'],
    onSuccess: () => notifications.show({ message: t('auto.saved') }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate({ ...form, paymentMethodId: methodId });
  };
  const amountField = (name: 'threshold' | 'amount' | 'maxPerDay') => (
    <NumberInput
      label={t(`auto.${name}`)}
      value={toMajor({ amount: form[name], currency })}
      onChange={(value) => setForm({ ...form, [name]: toMinor(Number(value), currency) })}
      decimalScale={minorDigits(currency)}
      decimalSeparator={format.decimalSeparator}
      allowedDecimalSeparators={['.', ',']}
      fixedDecimalScale
      allowNegative={false}
      hideControls
      suffix={` ${currency}`}
      disabled={!form.enabled}
    />
  );
  return (
    <form onSubmit={submit}>
      <Stack>
        <Switch
          label={t('auto.enabled')}
          checked={form.enabled}
          disabled={!form.enabled && methods.length === 0}
          onChange={({ currentTarget: { checked } }) => setForm({ ...form, enabled: checked })}
        />
        {methods.length === 0 && saved.isFetched ? (
          <Text size="sm" c="dimmed">
            {t('auto.needsMethod')}
          </Text>
        ) : null}
        <SimpleGrid cols={{ base: 1, xs: 2 }}>
          <Select
            label={t('topUp.currency')}
            data={[...CURRENCIES]}
            value={currency}
            allowDeselect={false}
            onChange={(value) => onCurrency(CURRENCIES.find((one) => one === value) ?? currency)}
          />
          <Select
            label={t('auto.method')}
            data={methods.map((method) => ({ value: method.id, label: cardName(method) }))}
            value={methodId}
            allowDeselect={false}
            disabled={!form.enabled}
            onChange={(value) => setForm({ ...form, paymentMethodId: value })}
          />
          {amountField('threshold')}
          {amountField('amount')}
          {amountField('maxPerDay')}
        </SimpleGrid>
        {settings?.restsUntil ? (
          <Alert color="yellow">{t('auto.rests', { at: format.dateTime(settings.restsUntil) })}</Alert>
        ) : null}
        <Problem error={save.error} />
        <Group>
          <Button type="submit" loading={save.isPending}>
            {tShell('action.save')}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

const bodyOf = ({ restsUntil: _rest, lastFailure: _failure, ...body }: Settings): Body => body;

/** A yen and a rouble buy less than a dollar does. */
const scaleOf = (currency: Currency): number => (currency === 'JPY' || currency === 'RUB' ? 100 : 1);

function usualBody(currency: Currency): Body {
  const minor = (units: number) => toMinor(units * scaleOf(currency), currency);
  return {
    enabled: false,
    currency,
    paymentMethodId: null,
    threshold: minor(USUAL.threshold),
    amount: minor(USUAL.amount),
    maxPerDay: minor(USUAL.maxPerDay),
  };
}
