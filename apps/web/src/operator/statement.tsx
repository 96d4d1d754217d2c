import type { schemas } from '@evergreen/client/generated/api.ts';
import { Button, Group, Select, Text } from '@mantine/core';
import { ReceiptText } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useApiPages } from '../api.ts';
import { Amount } from '../components/amount.tsx';
import { Empty } from '../components/empty.tsx';
import { useMovementText } from '../customer/movement-text.ts';
import { useFormat } from '../format.ts';
import { DataTable, moreOf } from './data-table.tsx';
import { Explanation } from './explanation.tsx';
import { RefundForm } from './refund-form.tsx';
import { Section } from './section.tsx';

export type Line = schemas['Transaction'];
type Kind = schemas['TransactionKind'];
const KINDS: readonly Kind[] = ['top_up', 'charge', 'refund', 'adjustment'];

/** Everything that moved a person's money, with why; charges can be given back. */
export function Statement({ userId }: { userId: string }) {
  const { t } = useTranslation('operator');
  const format = useFormat();
  const movementText = useMovementText();
  const [kind, setKind] = useState<Kind>();
  const [asked, setAsked] = useState<{ line: Line; for: 'why' | 'refund' }>();
  const lines = useApiPages(['wallet', userId, 'transactions', kind], (api, cursor) =>
    api.GET('/v1/wallets/{userId}/transactions', {
      params: { path: { userId }, query: { ...(kind && { kind }), ...(cursor && { cursor }) } },
    }),
  );
  const close = () => setAsked(undefined);
  return (
    <Section
      title={t('statement.title')}
      flush
      actions={
        <Select
          size="xs"
          w={180}
          aria-label={t('statement.kind')}
          placeholder={t('statement.all')}
          clearable
          value={kind ?? null}
          onChange={(value) => setKind(value ?? undefined)}
          data={KINDS.map((value) => ({ value, label: t(`kind.${value}`) }))}
        />
      }
    >
      <DataTable
        label={t('statement.title')}
        rows={lines.items}
        keyOf={({ id }) => id}
        error={lines.error}
        onRetry={() => void lines.refetch()}
        more={moreOf(lines)}
        empty={<Empty icon={ReceiptText} title={t('statement.none')} />}
        columns={[
          {
            key: 'what',
            label: t('statement.what'),
            cell: (line) => {
              const { name, detail } = movementText(line);
              return (
                <>
                  <Text size="sm" fw={500}>
                    {name}
                  </Text>
                  <Text size="xs" c="dimmed">
                    {detail ? `${detail} · ` : ''}
                    {format.dateTime(line.createdAt)}
                  </Text>
                </>
              );
            },
          },
          {
            key: 'amount',
            label: t('statement.amount'),
            right: true,
            cell: ({ amount, currency }) => <Amount signed value={{ amount, currency }} />,
          },
          {
            key: 'after',
            label: t('statement.after'),
            right: true,
            wide: true,
            cell: ({ balanceAfter, currency }) => <Amount value={{ amount: balanceAfter, currency }} />,
          },
          {
            key: 'do',
            label: '',
            right: true,
            cell: (line) => (
              <Group gap={4} justify="flex-end" ml="auto" w={{ base: 76, sm: 'auto' }}>
                {line.kind === 'charge' ? (
                  <Button size="compact-xs" variant="subtle" onClick={() => setAsked({ line, for: 'refund' })}>
                    {t('refund.open')}
                  </Button>
                ) : null}
                <Button size="compact-xs" variant="subtle" onClick={() => setAsked({ line, for: 'why' })}>
                  {t('why.open')}
                </Button>
              </Group>
            ),
          },
        ]}
      />
      {asked?.for === 'why' ? <Explanation userId={userId} line={asked.line} onClose={close} /> : null}
      {asked?.for === 'refund' ? <RefundForm userId={userId} line={asked.line} onClose={close} /> : null}
    </Section>
  );
}
