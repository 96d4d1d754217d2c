import { Button, Table, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Amount } from '../components/amount.tsx';
import { useFormat } from '../format.ts';
import { useMovementText } from './movement-text.ts';
import type { Transaction } from './statement.tsx';
import classes from './statement-table.module.css';

interface Props {
  transactions: readonly Transaction[];
  onWhy: (transaction: Transaction) => void;
}

/** The lines; on a phone each is a block of its own. */
export function StatementTable({ transactions, onWhy }: Props) {
  const { t } = useTranslation('customer');
  const format = useFormat();
  const movementText = useMovementText();
  return (
    <Table className={classes.table ?? ''} verticalSpacing="sm" horizontalSpacing={0}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t('statement.date')}</Table.Th>
          <Table.Th>{t('statement.what')}</Table.Th>
          <Table.Th className={classes.right ?? ''}>{t('statement.amount')}</Table.Th>
          <Table.Th className={classes.right ?? ''}>{t('statement.balance')}</Table.Th>
          <Table.Th>
            <span className={classes.hidden}>{t('statement.why')}</span>
          </Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {transactions.map((transaction) => {
          const { id, createdAt, kind, amount, currency, balanceAfter } = transaction;
          const { name: what, detail } = movementText(transaction);
          return (
            <Table.Tr key={id} data-kind={kind}>
              <Table.Td className={classes.date ?? ''}>{format.dateTime(createdAt)}</Table.Td>
              <Table.Td className={classes.what ?? ''}>
                <Text size="sm" fw={550}>
                  {what}
                </Text>
                {detail ? (
                  <Text size="xs" c="dimmed">
                    {detail}
                  </Text>
                ) : null}
              </Table.Td>
              <Table.Td className={classes.amount ?? ''} data-in={amount > 0}>
                <Amount value={{ amount, currency }} signed />
              </Table.Td>
              <Table.Td className={classes.balance ?? ''}>
                <Amount value={{ amount: balanceAfter, currency }} />
              </Table.Td>
              <Table.Td className={classes.why ?? ''}>
                <Button
                  variant="subtle"
                  size="compact-sm"
                  onClick={() => onWhy(transaction)}
                  aria-label={t('statement.whyOf', { what: `${what}, ${format.signedMoney({ amount, currency })}` })}
                >
                  {t('statement.why')}
                </Button>
              </Table.Td>
            </Table.Tr>
          );
        })}
      </Table.Tbody>
    </Table>
  );
}
