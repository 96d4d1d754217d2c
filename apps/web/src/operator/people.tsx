import { Anchor, Badge, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { Search, UsersRound } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Link, useSearchParams } from 'react-router';
import { useApiPages } from '../api.ts';
import { Empty } from '../components/empty.tsx';
import { Page } from '../components/page.tsx';
import { useFormat } from '../format.ts';
import { DataTable, moreOf } from './data-table.tsx';
import { ShortId } from './facts.tsx';
import { Section } from './section.tsx';

const TYPING_MS = 250;

/** Everybody with an account. */
export function People() {
  const { t } = useTranslation('operator');
  const format = useFormat();
  const [params, setParams] = useSearchParams();
  const text = params.get('q') ?? '';
  const [q] = useDebouncedValue(text.trim(), TYPING_MS);
  const users = useApiPages(['operator', 'users', q], (api, cursor) =>
    api.GET('/v1/operator/users', { params: { query: { ...(q && { q }), ...(cursor && { cursor }) } } }),
  );
  return (
    <Page title={t('people.title')} intro={t('people.intro')}>
      <TextInput
        type="search"
        maw={420}
        aria-label={t('people.search')}
        placeholder={t('people.search')}
        leftSection={<Search size={16} aria-hidden />}
        value={text}
        maxLength={254}
        onChange={({ currentTarget: { value } }) => setParams(value ? { q: value } : {}, { replace: true })}
      />
      <Section title={q ? t('people.found') : t('people.newest')} flush>
        <DataTable
          label={t('people.title')}
          rows={users.items}
          keyOf={({ id }) => id}
          error={users.error}
          onRetry={() => void users.refetch()}
          more={moreOf(users)}
          empty={<Empty icon={UsersRound} title={t('people.none')} text={t('people.noneText')} />}
          columns={[
            {
              key: 'email',
              label: t('people.email'),
              cell: ({ id, email, role }) => (
                <>
                  <Anchor component={Link} to={`/operator/people/${id}`} fw={500} size="sm" mr="xs">
                    {email}
                  </Anchor>
                  {role === 'operator' ? (
                    <Badge variant="light" color="gray" tt="none" radius="sm" size="sm">
                      {t('people.operator')}
                    </Badge>
                  ) : null}
                </>
              ),
            },
            { key: 'id', label: t('people.id'), wide: true, cell: ({ id }) => <ShortId id={id} /> },
            { key: 'zone', label: t('people.timeZone'), wide: true, cell: ({ timeZone }) => timeZone },
            { key: 'locale', label: t('people.locale'), wide: true, cell: ({ locale }) => format.language(locale) },
            {
              key: 'since',
              label: t('people.since'),
              right: true,
              wide: true,
              cell: ({ createdAt }) => <span className="num">{format.date(createdAt)}</span>,
            },
          ]}
        />
      </Section>
    </Page>
  );
}
