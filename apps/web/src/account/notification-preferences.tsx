import type { paths } from '@evergreen/client/generated/api.ts';
import { Group, Skeleton, Stack, Switch, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useApiMutation, useApiQuery } from '../api.ts';
import { Problem } from '../components/problem.tsx';
import { Section } from '../components/section.tsx';

type Preferences = paths['/v1/notifications/preferences']['put']['requestBody']['content']['application/json'];

const TYPES = ['payment_succeeded', 'charge_failed', 'expiry_notice'] as const;
const WAYS = ['inbox', 'live'] as const;

/** Which notifications are kept, and which show up while one looks. Each switch is saved as it is turned. */
export function NotificationPreferences() {
  const { t } = useTranslation();
  const known = useApiQuery(['notification-preferences'], (api) => api.GET('/v1/notifications/preferences'));
  const save = useApiMutation((api, body: Preferences) => api.PUT('/v1/notifications/preferences', { body }), {
    invalidates: ['notification-preferences'],
  });
  // What is being saved is shown at once; a refusal turns it back.
  const shown = save.isPending ? save.variables : known.data;
  const turn = (type: (typeof TYPES)[number], way: (typeof WAYS)[number], on: boolean) => {
    if (shown) save.mutate({ ...shown, [type]: { ...shown[type], [way]: on } });
  };
  return (
    <Section title={t('profile.notifications')} text={t('profile.notificationsText')}>
      <Problem error={known.error ?? save.error} />
      {shown ? (
        <Stack gap="md">
          {TYPES.map((type) => (
            <Group key={type} justify="space-between" gap="xs">
              <Text size="sm">{t(`bell.${type}`)}</Text>
              <Group gap="lg">
                {WAYS.map((way) => (
                  <Switch
                    key={way}
                    label={t(`profile.${way}`)}
                    aria-label={`${t(`bell.${type}`)}: ${t(`profile.${way}`)}`}
                    checked={shown[type][way]}
                    // Nobody is to miss that a payment failed; and what is not kept cannot show up.
                    disabled={save.isPending || (way === 'inbox' ? type === 'charge_failed' : !shown[type].inbox)}
                    onChange={({ currentTarget: { checked } }) => turn(type, way, checked)}
                  />
                ))}
              </Group>
            </Group>
          ))}
        </Stack>
      ) : known.isPending ? (
        <Skeleton h={120} />
      ) : null}
    </Section>
  );
}
