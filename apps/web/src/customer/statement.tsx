import type { schemas } from '@evergreen/client/generated/api.ts';
import { Button, Card, Skeleton, Stack } from '@mantine/core';
import { ReceiptText } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useApiPages } from '../api.ts';
import { Empty } from '../components/empty.tsx';
import { Page } from '../components/page.tsx';
import { Problem } from '../components/problem.tsx';
import { nextDay, startOfDay } from '../day.ts';
import { useSignedIn } from '../session.tsx';
import { DownloadCsv } from './download-csv.tsx';
import { type Filters, NO_FILTERS, StatementFilters } from './statement-filters.tsx';
import { StatementTable } from './statement-table.tsx';
import { Why } from './why.tsx';

export type Transaction = schemas['Transaction'];

export function Statement() {
  const { t } = useTranslation('customer');
  const { t: tShell } = useTranslation();
  const { user } = useSignedIn();
  const [filters, setFilters] = useState<Filters>(NO_FILTERS);
  const [asked, setAsked] = useState<Transaction>();
  const query = queryOf(filters, user.timeZone);
  const statement = useApiPages(['wallet', 'transactions', query], (api, cursor) =>
    api.GET('/v1/wallet/transactions', { params: { query: { ...query, limit: 30, ...(cursor && { cursor }) } } }),
  );
  const { items, error, hasNextPage, isFetchingNextPage } = statement;
  return (
    <Page title={t('statement.title')} intro={t('statement.intro')} actions={<DownloadCsv query={query} />}>
      <Stack gap="lg">
        <StatementFilters filters={filters} onChange={setFilters} />
        <Card>
          <Problem error={error} onRetry={() => void statement.refetch()} />
          {statement.isPending ? <Loading /> : null}
          {items?.length === 0 ? (
            <Empty icon={ReceiptText} title={t('statement.empty')} text={t('statement.emptyText')} />
          ) : null}
          {items && items.length > 0 ? <StatementTable transactions={items} onWhy={setAsked} /> : null}
          {hasNextPage ? (
            <Button
              mt="md"
              variant="default"
              loading={isFetchingNextPage}
              onClick={() => void statement.fetchNextPage()}
            >
              {tShell('action.more')}
            </Button>
          ) : null}
        </Card>
      </Stack>
      <Why transaction={asked} onClose={() => setAsked(undefined)} />
    </Page>
  );
}

function Loading() {
  return (
    <Stack gap="sm">
      {[1, 2, 3, 4, 5].map((key) => (
        <Skeleton key={key} h={36} />
      ))}
    </Stack>
  );
}

/** Days are those of the person's own time zone, and the last one is meant with all of its hours. */
function queryOf({ kind, currency, from, to }: Filters, timeZone: string) {
  return {
    ...(kind && { kind }),
    ...(currency && { currency }),
    ...(from && { from: startOfDay(from, timeZone) }),
    ...(to && { to: startOfDay(nextDay(to), timeZone) }),
  };
}
