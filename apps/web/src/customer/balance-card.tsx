import { Group, Skeleton, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Amount } from '../components/amount.tsx';
import { Problem } from '../components/problem.tsx';
import { Section } from '../components/section.tsx';
import { useWallet } from './queries.ts';

const NOTHING = { amount: 0, currency: 'USD' } as const;

/** What is there, per currency. */
export function BalanceCard() {
  const { t } = useTranslation('customer');
  const wallet = useWallet();
  const balances = wallet.data?.balances;
  const [first = NOTHING, ...others] = balances ?? [];
  return (
    <Section title={t(others.length > 0 ? 'home.balances' : 'home.balance')}>
      <Problem error={wallet.error} onRetry={() => void wallet.refetch()} />
      {wallet.isPending ? <Skeleton h={44} w={180} /> : null}
      {balances ? (
        <Stack gap="xs" aria-live="polite">
          <Text fz={36} fw={620} lh="44px" lts="-0.02em" data-testid="balance">
            <Amount value={first} />
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
