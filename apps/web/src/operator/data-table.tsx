import { Button, Center, Skeleton, Stack, Table } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Problem } from '../components/problem.tsx';
import classes from './operator.module.css';

export interface Column<Row> {
  key: string;
  label: string;
  cell: (row: Row) => ReactNode;
  /** Figures stand at the right. */
  right?: boolean;
  /** Left out where there is no room for it. */
  wide?: boolean;
}

interface Props<Row> {
  label: string;
  columns: Column<Row>[];
  /** Undefined while they are on their way. */
  rows: readonly Row[] | undefined;
  keyOf: (row: Row) => string;
  error?: unknown;
  onRetry?: () => void;
  /** What stands here when there are no rows. */
  empty: ReactNode;
  more?: { has: boolean; isLoading: boolean; load: () => unknown };
}

const SKELETON_ROWS = ['a', 'b', 'c', 'd'];

/** Rows of a list, with what stands for them while they load, fail, or are none. */
export function DataTable<Row>(props: Props<Row>) {
  const { t } = useTranslation();
  const { label, columns, rows, keyOf, error, onRetry, empty, more } = props;
  if (error && !rows) {
    return (
      <div className={classes.body}>
        <Problem error={error} {...(onRetry && { onRetry })} />
      </div>
    );
  }
  if (!rows) {
    return (
      <Stack gap="md" className={classes.body ?? ''} role="status" aria-label={t('state.loading')}>
        {SKELETON_ROWS.map((row) => (
          <Skeleton key={row} h={20} />
        ))}
      </Stack>
    );
  }
  if (rows.length === 0) return <div className={classes.body}>{empty}</div>;
  const placeOf = ({ right, wide }: Column<Row>) => ({
    ...(right && { className: classes.right ?? '' }),
    ...(wide && { visibleFrom: 'sm' as const }),
  });
  return (
    <>
      <Table.ScrollContainer minWidth={320} scrollAreaProps={{ viewportProps: { tabIndex: 0, 'aria-label': label } }}>
        <Table className={classes.table ?? ''} verticalSpacing="sm" aria-label={label}>
          <Table.Thead>
            <Table.Tr>
              {columns.map((column) => (
                <Table.Th key={column.key} scope="col" {...placeOf(column)}>
                  {column.label}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map((row) => (
              <Table.Tr key={keyOf(row)}>
                {columns.map((column) => (
                  <Table.Td key={column.key} {...placeOf(column)}>
                    {column.cell(row)}
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {more?.has ? (
        <Center p="md">
          <Button variant="default" size="xs" loading={more.isLoading} onClick={() => void more.load()}>
            {t('action.more')}
          </Button>
        </Center>
      ) : null}
    </>
  );
}

/** How a list that is read page by page goes on. */
export const moreOf = (query: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown }) => ({
  has: query.hasNextPage,
  isLoading: query.isFetchingNextPage,
  load: () => query.fetchNextPage(),
});
