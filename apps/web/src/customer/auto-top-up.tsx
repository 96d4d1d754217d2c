import type { schemas } from '@evergreen/client/generated/api.ts';
import { Alert, Button, Group, Select, SimpleGrid, Skeleton, Stack, Switch, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useApiMutation, useApiQuery } from '../api.ts';
import { MoneyInput, useMoneyText, useReadMoney } from '../components/money-input.tsx';
import { Problem } from '../components/problem.tsx';
import { Section } from '../components/section.tsx';
import { type Currency, toMinor, useFormat } from '../format.ts';
import { useCardName } from './card-name.ts';
import { useMainCurrency, useSavedMethods } from './queries.ts';
import { CURRENCIES } from './top-up.tsx';

type Settings = schemas['AutoTopUp'];
type Body = schemas['AutoTopUpBody'];
type AmountName = 'threshold' | 'amount' | 'maxPerDay';

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
  const current = settings.data?.data.find((one) => one.currency === currency);
  return (
    <Section title={t('auto.title')} text={t('auto.text')}>
      <Problem error={settings.error} onRetry={() => void settings.refetch()} />
      {settings.isPending ? <Skeleton h={220} /> : null}
      {settings.data ? (
        <AutoTopUpForm
          // It begins anew when the server turned it off, as when the payment method is removed.
          key={`${currency} ${current?.enabled} ${current?.paymentMethodId}`}
          currency={currency}
          settings={current}
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
  const first = settings ? bodyOf(settings) : usualBody(currency);
  const [form, setForm] = useState(first);
  const { typed, setTyped, errors, read } = useAmounts(first);
  const methods = saved.data?.data ?? [];
  const methodId = form.paymentMethodId ?? methods[0]?.id ?? null;
  const save = useApiMutation((api, body: Body) => api.PUT('/v1/wallet/auto-top-up', { body }), {
    invalidates: ['auto-top-up'],
    onSuccess: () => notifications.show({ message: t('auto.saved') }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    // What is switched off is disabled, and stays as it was.
    const amounts = form.enabled ? read() : {};
    if (amounts) save.mutate({ ...form, ...amounts, paymentMethodId: methodId });
  };
  const amountField = (name: AmountName) => (
    <MoneyInput
      label={t(`auto.${name}`)}
      value={typed[name]}
      onChange={(value) => setTyped({ ...typed, [name]: value })}
      currency={currency}
      error={form.enabled ? errors[name] : undefined}
      disabled={!form.enabled}
    />
  );
  return (
    <form onSubmit={submit} noValidate>
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

/** The three amounts as they are typed, and what is wrong with them. `read` gives them in minor units, if they are right. */
function useAmounts(first: Body) {
  const { t } = useTranslation('customer');
  const textOf = useMoneyText();
  const readMoney = useReadMoney();
  const { currency } = first;
  const [typed, setTyped] = useState(() => {
    const text = (name: AmountName) => textOf({ amount: first[name], currency });
    return { threshold: text('threshold'), amount: text('amount'), maxPerDay: text('maxPerDay') };
  });
  const threshold = readMoney(typed.threshold, currency, { orZero: true });
  const amount = readMoney(typed.amount, currency);
  const maxPerDay = readMoney(typed.maxPerDay, currency);
  const isCapTooSmall =
    maxPerDay.amount !== undefined && amount.amount !== undefined && maxPerDay.amount < amount.amount;
  const capError = isCapTooSmall ? t('auto.capTooSmall') : maxPerDay.error;
  return {
    typed,
    setTyped,
    errors: { threshold: threshold.error, amount: amount.error, maxPerDay: capError },
    read: (): Pick<Body, AmountName> | undefined => {
      if (capError || threshold.error !== undefined || amount.error !== undefined || maxPerDay.error !== undefined)
        return;
      return { threshold: threshold.amount, amount: amount.amount, maxPerDay: maxPerDay.amount };
    },
  };
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
