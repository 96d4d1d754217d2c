import { Button, Center, Skeleton, Stack, Table } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { Fragment, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Problem } from '../components/problem.tsx';
import classes from './operator.module.css';

export interface Column<Row> {
  key: string;
  label: string;
  cell: (row: Row) => ReactNode;
  /** Figures stand at the right. */
  right?: boolean;
  /** In a second line of the row, with its label, where there is no room beside the others. */
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

/** Below Mantine's breakpoint `sm`. */
const PHONE = '(max-width: 47.99em)';
const SKELETON_ROWS = ['a', 'b', 'c', 'd'];

/** Rows of a list, with what stands for them while they load, fail, or are none. */
export function DataTable<Row>(props: Props<Row>) {
  const { t } = useTranslation();
  const isPhone = useMediaQuery(PHONE, false, { getInitialValueInEffect: false });
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
  const beside = columns.filter(({ wide }) => !(wide && isPhone));
  const below = columns.filter(({ wide }) => wide && isPhone);
  const placeOf = ({ right }: Column<Row>) => ({ ...(right && { className: classes.right ?? '' }) });
  return (
    <>
      <Table.ScrollContainer minWidth={320} scrollAreaProps={{ viewportProps: { tabIndex: 0, 'aria-label': label } }}>
        <Table className={classes.table ?? ''} verticalSpacing="sm" aria-label={label}>
          <Table.Thead>
            <Table.Tr>
              {beside.map((column) => (
                <Table.Th key={column.key} scope="col" {...placeOf(column)}>
                  {column.label}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map((row) => (
              <Fragment key={keyOf(row)}>
                <Table.Tr {...(below.length > 0 && { className: classes.first ?? '' })}>
                  {beside.map((column) => (
                    <Table.Td key={column.key} {...placeOf(column)}>
                      {column.cell(row)}
                    </Table.Td>
                  ))}
                </Table.Tr>
                {below.length > 0 ? (
                  <Table.Tr>
                    <Table.Td colSpan={beside.length}>
                      <dl className={classes.second}>
                        {below.map((column) => (
                          <div key={column.key}>
                            <dt>{column.label}</dt>
                            <dd>{column.cell(row)}</dd>
                          </div>
                        ))}
                      </dl>
                    </Table.Td>
                  </Table.Tr>
                ) : null}
              </Fragment>
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
