import { List, Skeleton, Stack, Table, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useApiQuery } from '../api.ts';
import { Problem } from '../components/problem.tsx';
import { useFormat } from '../format.ts';
import { Dialog } from './dialog.tsx';
import { Facts } from './facts.tsx';
import type { Line } from './statement.tsx';

/** Why a line of the statement is there: in sentences, and as the facts behind them. */
export function Explanation({ userId, line, onClose }: { userId: string; line: Line; onClose: () => void }) {
  const { t } = useTranslation('operator');
  const format = useFormat();
  const { data, error } = useApiQuery(['wallet', userId, 'explanation', line.id], (api) =>
    api.GET('/v1/wallets/{userId}/transactions/{id}/explanation', { params: { path: { userId, id: line.id } } }),
  );
  return (
    <Dialog title={t('why.title')} onClose={onClose} size="lg">
      <Problem error={error} />
      {!data && !error ? <Skeleton h={180} /> : null}
      {data ? (
        <Stack gap="lg">
          <List spacing={6} size="sm" type="ordered">
            {data.sentences.map((sentence) => (
              <List.Item key={sentence}>{sentence}</List.Item>
            ))}
          </List>
          <Facts
            facts={[
              [t('why.before'), format.money({ amount: data.balance.before, currency: data.balance.currency })],
              [t('why.after'), format.money({ amount: data.balance.after, currency: data.balance.currency })],
              [t('why.trigger'), data.trigger.type],
              [t('why.correlation'), data.trigger.correlationId],
            ]}
          />
          {data.attempts.length > 0 ? (
            <div>
              <Text size="sm" fw={600} mb={4}>
                {t('why.attempts')}
              </Text>
              <Table verticalSpacing={6}>
                <Table.Tbody>
                  {data.attempts.map(({ at, operation, outcome, durationMs }) => (
                    <Table.Tr key={`${at}${operation}${outcome}`}>
                      <Table.Td>{format.dateTime(at)}</Table.Td>
                      <Table.Td>{t(`attempt.${operation}`)}</Table.Td>
                      <Table.Td>{outcome}</Table.Td>
                      <Table.Td ta="right">{t('gateway.ms', { count: durationMs })}</Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </div>
          ) : null}
        </Stack>
      ) : null}
    </Dialog>
  );
}
