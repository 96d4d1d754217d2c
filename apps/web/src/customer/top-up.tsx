import { Button, Card, Select, SimpleGrid, Stack, Text, UnstyledButton } from '@mantine/core';
import { type FormEvent, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate, useSearchParams } from 'react-router';
import { useApiMutation } from '../api.ts';
import { MoneyInput, useMoneyText, useReadMoney } from '../components/money-input.tsx';
import { Page } from '../components/page.tsx';
import { PageSkeleton } from '../components/page-skeleton.tsx';
import { Problem } from '../components/problem.tsx';
import { type Currency, toMinor, useFormat } from '../format.ts';
import { useCardName } from './card-name.ts';
import { useMainCurrency, useSavedMethods, useTestCards, useWallet } from './queries.ts';
import classes from './top-up.module.css';

export const CURRENCIES: readonly Currency[] = ['USD', 'EUR', 'GBP', 'JPY', 'RUB'];
/** In whole units; a yen and a rouble buy less. */
const PRESETS: Record<Currency, readonly number[]> = {
  USD: [10, 25, 50, 100],
  EUR: [10, 25, 50, 100],
  GBP: [10, 25, 50, 100],
  JPY: [1_000, 2_500, 5_000, 10_000],
  RUB: [500, 1_000, 2_500, 5_000],
};

export function TopUp() {
  const { t } = useTranslation('customer');
  const wallet = useWallet();
  const [params] = useSearchParams();
  const asked = CURRENCIES.find((currency) => currency === params.get('currency'));
  const main = useMainCurrency();
  if (wallet.error) return <Problem error={wallet.error} onRetry={() => void wallet.refetch()} />;
  if (!main) return <PageSkeleton />;
  return (
    <Page title={t('topUp.title')} intro={t('topUp.intro')}>
      <Card maw={520} padding="xl">
        <TopUpForm
          wished={wishedOf(params.get('amount'))}
          isMissing={params.get('for') === 'missing'}
          currency={asked ?? main}
        />
      </Card>
    </Page>
  );
}

/** Minor units, as a link has them; undefined for what is no amount. */
function wishedOf(text: string | null): number | undefined {
  const amount = /^[1-9]\d*$/.test(text ?? '') ? Number(text) : undefined;
  return Number.isSafeInteger(amount) ? amount : undefined;
}

interface FormProps {
  /** Minor units of `currency`. */
  wished: number | undefined;
  /** Is it what a subscription waits for? */
  isMissing: boolean;
  currency: Currency;
}

function TopUpForm({ wished, isMissing, currency: firstCurrency }: FormProps) {
  const { t } = useTranslation('customer');
  const { t: tShell } = useTranslation();
  const format = useFormat();
  const navigate = useNavigate();
  const [currency, setCurrency] = useState(firstCurrency);
  const textOf = useMoneyText();
  const readMoney = useReadMoney();
  const [typed, setTyped] = useState(wished ? textOf({ amount: wished, currency }) : '');
  const { amount, error } = readMoney(typed, currency);
  const [method, setMethod] = useState<string | null>(null);
  const [wasSent, setWasSent] = useState(false);
  const methods = useMethods();
  const token = method ?? methods.first;
  // The same wish is sent with the same key, so trying again after a lost answer never pays twice.
  const wish = useRef({ of: '', key: '' });
  const sending = useApiMutation(
    (api, body: { amount: number; currency: Currency; paymentMethod: string }) => {
      const of = JSON.stringify(body);
      if (wish.current.of !== of) wish.current = { of, key: crypto.randomUUID() };
      return api.POST('/v1/wallet/top-ups', { params: { header: { 'idempotency-key': wish.current.key } }, body });
    },
    { invalidates: ['wallet'], onSuccess: ({ id }) => void navigate(`/top-ups/${id}`) },
  );
  const refusal = sending.error?.fields['body.amount'] === undefined ? undefined : tShell('field.refused');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setWasSent(true);
    if (amount && token) sending.mutate({ amount, currency, paymentMethod: token });
  };
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="lg">
        <fieldset className={classes.presets}>
          <legend className={classes.legend}>{t('topUp.amount')}</legend>
          {presetsOf(currency, currency === firstCurrency ? wished : undefined).map((preset) => (
            <UnstyledButton
              key={preset}
              className={classes.preset ?? ''}
              aria-pressed={amount === preset}
              onClick={() => setTyped(textOf({ amount: preset, currency }))}
            >
              <span className="num">{format.money({ amount: preset, currency })}</span>
              {isMissing && preset === wished && currency === firstCurrency ? (
                <Text size="xs" c="dimmed" component="span">
                  {t('topUp.covers')}
                </Text>
              ) : null}
            </UnstyledButton>
          ))}
        </fieldset>
        <SimpleGrid cols={2}>
          <MoneyInput
            label={t('topUp.otherAmount')}
            value={typed}
            onChange={setTyped}
            currency={currency}
            error={typed.trim() === '' ? (wasSent ? t('topUp.amountNeeded') : undefined) : (error ?? refusal)}
          />
          <Select
            label={t('topUp.currency')}
            data={[...CURRENCIES]}
            value={currency}
            onChange={(value) => {
              setCurrency(CURRENCIES.find((one) => one === value) ?? currency);
              setTyped('');
            }}
            allowDeselect={false}
          />
        </SimpleGrid>
        <Select
          label={t('topUp.method')}
          data={methods.options}
          value={token ?? null}
          onChange={setMethod}
          allowDeselect={false}
          disabled={methods.options.length === 0}
        />
        <Problem error={sending.error ?? methods.error} />
        <Stack gap="xs">
          <Button type="submit" size="md" loading={sending.isPending} disabled={!token}>
            {amount ? t('topUp.submit', { amount: format.money({ amount, currency }) }) : t('topUp.submitEmpty')}
          </Button>
          <Text size="sm" c="dimmed" ta="center" role="status" mih={20}>
            {sending.isPending ? t('topUp.sending') : ''}
          </Text>
        </Stack>
      </Stack>
    </form>
  );
}

function presetsOf(currency: Currency, wished: number | undefined): number[] {
  const usual = PRESETS[currency].map((units) => toMinor(units, currency));
  if (!wished) return usual;
  return [wished, ...usual.filter((amount) => amount > wished).slice(0, 3)];
}

/** Saved ones first; the test cards stand for a card form, which is the payment provider's. */
function useMethods() {
  const { t } = useTranslation('customer');
  const cardName = useCardName();
  const saved = useSavedMethods();
  const cards = useTestCards();
  const savedTokens = new Set(saved.data?.data.map(({ token }) => token));
  const savedOptions = (saved.data?.data ?? [])
    .filter(({ token }, index, all) => all.findIndex((other) => other.token === token) === index)
    .map((method) => ({ value: method.token, label: cardName(method) }));
  const testOptions = (cards.data?.data ?? [])
    .filter(({ token }) => !savedTokens.has(token))
    .map((card) => ({ value: card.token, label: cardName(card, { withBehaviour: true }) }));
  const options = [
    ...(savedOptions.length > 0 ? [{ group: t('topUp.saved'), items: savedOptions }] : []),
    ...(testOptions.length > 0 ? [{ group: t('topUp.testCards'), items: testOptions }] : []),
  ];
  const isKnown = saved.isFetched && cards.isFetched;
  return {
    options: isKnown ? options : [],
    first: isKnown ? (savedOptions[0] ?? testOptions[0])?.value : undefined,
    error: saved.error ?? cards.error,
  };
}
