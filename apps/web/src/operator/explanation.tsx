import type { schemas } from '@evergreen/client/generated/api.ts';
import { List, Skeleton, Stack, Table, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useApiQuery } from '../api.ts';
import { Problem } from '../components/problem.tsx';
import { useFormat } from '../format.ts';
import { Dialog } from './dialog.tsx';
import { Facts } from './facts.tsx';
import type { Line } from './statement.tsx';

type Explained = schemas['Explanation'];

/** Why a line of the statement is there: in sentences, and as the facts behind them. */
export function Explanation({ userId, line, onClose }: { userId: string; line: Line; onClose: () => void }) {
  const { t, i18n } = useTranslation('operator');
  const { t: tCustomer } = useTranslation('customer');
  const outcomeText = useOutcomeText();
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
          {i18n.resolvedLanguage === 'en' ? <Sentences of={data} /> : null}
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
                      <Table.Td>{outcomeText(outcome)}</Table.Td>
                      <Table.Td ta="right">{t('gateway.ms', { count: durationMs })}</Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </div>
          ) : null}
          {i18n.resolvedLanguage === 'en' ? null : (
            <details>
              <summary>{tCustomer('why.originalText')}</summary>
              <Sentences of={data} />
            </details>
          )}
        </Stack>
      ) : null}
    </Dialog>
  );
}

/** The server's own words, which are English. */
function Sentences({ of: { sentences } }: { of: Explained }) {
  return (
    <List spacing={6} size="sm" type="ordered" lang="en">
      {sentences.map((sentence) => (
        <List.Item key={sentence}>{sentence}</List.Item>
      ))}
    </List>
  );
}

/** How a call ended, in the words that the customer reads: a name of ours, or http_503. */
function useOutcomeText(): (outcome: string) => string {
  const { t, i18n } = useTranslation('customer');
  return (outcome) =>
    i18n.exists(`outcome.${outcome}`, { ns: 'customer' })
      ? t(`outcome.${outcome as 'succeeded'}`)
      : t('outcome.http', { status: outcome.replace('http_', '') });
}
