import { Button, Group, NativeSelect, TextInput } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Currency } from '../format.ts';
import type { Transaction } from './statement.tsx';
import { CURRENCIES } from './top-up.tsx';

const KINDS = ['top_up', 'charge', 'refund', 'adjustment'] as const;

export interface Filters {
  kind: Transaction['kind'] | undefined;
  currency: Currency | undefined;
  /** Days, as a date field has them; '' for none. */
  from: string;
  to: string;
}

export const NO_FILTERS: Filters = { kind: undefined, currency: undefined, from: '', to: '' };

/** Does the last day come before the first? */
const isTurnedAround = ({ from, to }: Filters): boolean => from !== '' && to !== '' && to < from;

/** Brings a button to the height of fields, whose labels are above them. */
const LABEL_HEIGHT = 22;

interface Props {
  filters: Filters;
  onChange: (filters: Filters) => void;
}

export function StatementFilters({ filters, onChange }: Props) {
  const { t } = useTranslation('customer');
  const { t: tShell } = useTranslation();
  const isFiltered = Object.values(filters).some(Boolean);
  const change = (part: Partial<Filters>) => onChange({ ...filters, ...part });
  return (
    <Group align="flex-start" gap="md">
      <NativeSelect
        label={t('statement.kind')}
        data={[
          { value: '', label: t('statement.allKinds') },
          ...KINDS.map((kind) => ({ value: kind, label: t(`kind.${kind}`) })),
        ]}
        value={filters.kind ?? ''}
        onChange={({ currentTarget: { value } }) => change({ kind: KINDS.find((kind) => kind === value) })}
      />
      <NativeSelect
        label={t('statement.currency')}
        data={[{ value: '', label: t('statement.allCurrencies') }, ...CURRENCIES]}
        value={filters.currency ?? ''}
        onChange={({ currentTarget: { value } }) => change({ currency: CURRENCIES.find((one) => one === value) })}
      />
      <TextInput
        type="date"
        label={t('statement.from')}
        value={filters.from}
        max={filters.to || undefined}
        onChange={({ currentTarget: { value } }) => change({ from: value })}
      />
      <TextInput
        type="date"
        label={t('statement.to')}
        value={filters.to}
        min={filters.from || undefined}
        error={isTurnedAround(filters) ? tShell('field.endBeforeStart') : undefined}
        onChange={({ currentTarget: { value } }) => change({ to: value })}
      />
      {isFiltered ? (
        <Button variant="subtle" mt={LABEL_HEIGHT} onClick={() => onChange(NO_FILTERS)}>
          {t('statement.clear')}
        </Button>
      ) : null}
    </Group>
  );
}
