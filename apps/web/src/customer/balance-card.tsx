import { Group, Skeleton, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Amount } from '../components/amount.tsx';
import { Problem } from '../components/problem.tsx';
import { Section } from '../components/section.tsx';
import { useMainCurrency, useWallet } from './queries.ts';

/** What is there, per currency. */
export function BalanceCard() {
  const { t } = useTranslation('customer');
  const wallet = useWallet();
  const currency = useMainCurrency();
  const balances = currency && wallet.data?.balances;
  const main = balances && (balances.find((one) => one.currency === currency) ?? { amount: 0, currency });
  const others = balances?.filter((one) => one.currency !== currency) ?? [];
  return (
    <Section title={t(others.length > 0 ? 'home.balances' : 'home.balance')}>
      <Problem error={wallet.error} onRetry={() => void wallet.refetch()} />
      {main || wallet.error ? null : <Skeleton h={44} w={180} />}
      {main ? (
        <Stack gap="xs" aria-live="polite">
          <Text fz={36} fw={620} lh="44px" lts="-0.02em" data-testid="balance">
            <Amount value={main} />
          </Text>
          {others.map((balance) => (
            <Group key={balance.currency} justify="space-between">
              <Text c="dimmed">{balance.currency}</Text>
              <Amount value={balance} />
            </Group>
          ))}
        </Stack>
      ) : null}
    </Section>
  );
}
