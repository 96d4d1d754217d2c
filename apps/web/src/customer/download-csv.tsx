import type { paths } from '@evergreen/client/generated/api.ts';
import { Button } from '@mantine/core';
import { Download } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { useApiMutation } from '../api.ts';
import { useProblemToast } from '../components/problem.tsx';

type Query = NonNullable<paths['/v1/wallet/transactions']['get']['parameters']['query']>;

/** Saves all lines that the filters let through as one file. */
export function DownloadCsv({ query }: { query: Query }) {
  const { t } = useTranslation('customer');
  const showProblem = useProblemToast();
  const download = useApiMutation(
    (api) =>
      api.GET('/v1/wallet/transactions', { params: { query }, headers: { accept: 'text/csv' }, parseAs: 'blob' }),
    { onSuccess: (file) => save(file, 'statement.csv') },
  );
  return (
    <Button
      variant="default"
      leftSection={<Download size={16} aria-hidden />}
      loading={download.isPending}
      onClick={() => download.mutate(undefined, { onError: showProblem })}
    >
      {t('statement.csv')}
    </Button>
  );
}

function save(file: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
