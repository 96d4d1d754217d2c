import { Button, Group, Select, Stack, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Problem } from '../components/problem.tsx';
import { Section } from '../components/section.tsx';
import { useSession, useSignedIn } from '../session.tsx';

const LOCALES = [
  { value: 'en', label: 'English' },
  { value: 'en-GB', label: 'English (United Kingdom)' },
  { value: 'en-US', label: 'English (United States)' },
  { value: 'ru', label: 'Русский' },
];

/** Time zone and locale: what dates and amounts are shown in, and what renewals follow. */
export function AccountForm() {
  const { t } = useTranslation();
  const { user } = useSignedIn();
  const { updateProfile } = useSession();
  const [timeZone, setTimeZone] = useState(user.timeZone);
  const [locale, setLocale] = useState(user.locale);
  const timeZones = useMemo(
    () => [...new Set([user.timeZone, 'UTC', ...Intl.supportedValuesOf('timeZone')])].sort(),
    [user.timeZone],
  );
  const locales = LOCALES.some(({ value }) => value === user.locale)
    ? LOCALES
    : [...LOCALES, { value: user.locale, label: user.locale }];
  const saving = useMutation({
    mutationFn: updateProfile,
    onSuccess: () => notifications.show({ message: t('action.saved') }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    saving.mutate({ timeZone, locale });
  };
  return (
    <Section title={t('profile.account')}>
      <form onSubmit={submit}>
        <Stack>
          <TextInput label={t('field.email')} value={user.email} readOnly variant="filled" />
          <Select
            label={t('profile.timeZone')}
            description={t('profile.timeZoneHint')}
            data={timeZones}
            value={timeZone}
            onChange={(value) => setTimeZone(value ?? timeZone)}
            searchable
            limit={50}
            allowDeselect={false}
          />
          <Select
            label={t('profile.locale')}
            data={locales}
            value={locale}
            onChange={(value) => setLocale(value ?? locale)}
            allowDeselect={false}
          />
          <Problem error={saving.error} />
          <Group>
            <Button type="submit" loading={saving.isPending}>
              {t('action.save')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Section>
  );
}
