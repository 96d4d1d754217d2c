import type { schemas } from '@evergreen/client/generated/api.ts';
import { Button, Skeleton, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useApiMutation, useApiQuery } from '../api.ts';
import { Problem, useProblemToast } from '../components/problem.tsx';
import rows from '../components/rows.module.css';
import { Section } from '../components/section.tsx';
import { useFormat } from '../format.ts';
import { deviceOf } from './device.ts';

type Entry = schemas['SessionEntry'];

/** Where the account is signed in; each can be ended from here. */
export function Sessions() {
  const { t } = useTranslation();
  const showProblem = useProblemToast();
  const sessions = useApiQuery(['sessions'], (api) => api.GET('/v1/auth/sessions'));
  const invalidates = ['sessions'];
  const revoke = useApiMutation(
    (api, id: string) => api.DELETE('/v1/auth/sessions/{id}', { params: { path: { id } } }),
    { invalidates },
  );
  const revokeOthers = useApiMutation((api) => api.DELETE('/v1/auth/sessions'), { invalidates });
  const all = sessions.data?.data;
  return (
    <Section
      title={t('profile.sessions')}
      side={
        all && all.length > 1 ? (
          <Button
            variant="default"
            size="xs"
            loading={revokeOthers.isPending}
            onClick={() => revokeOthers.mutate(undefined, { onError: showProblem })}
          >
            {t('profile.revokeOthers')}
          </Button>
        ) : null
      }
    >
      <Problem error={sessions.error} onRetry={() => void sessions.refetch()} />
      {sessions.isPending ? <Skeleton h={48} /> : null}
      {all ? (
        <ul className={rows.rows}>
          {all.map((entry) => (
            <li key={entry.id} className={rows.row}>
              <Session entry={entry} />
              {entry.current ? null : (
                <RevokeButton
                  entry={entry}
                  isPending={revoke.isPending && revoke.variables === entry.id}
                  onClick={() => revoke.mutate(entry.id, { onError: showProblem })}
                />
              )}
            </li>
          ))}
        </ul>
      ) : null}
    </Section>
  );
}

function useDeviceName(): (entry: Entry) => string {
  const { t } = useTranslation();
  return ({ userAgent }) => {
    const device = deviceOf(userAgent);
    return device ? t('profile.browserOn', device) : t('profile.unknownDevice');
  };
}

function Session({ entry }: { entry: Entry }) {
  const { t } = useTranslation();
  const format = useFormat();
  const deviceName = useDeviceName();
  return (
    <div className={rows.main}>
      <div className={rows.name}>
        {deviceName(entry)}
        {entry.current ? ` · ${t('profile.thisSession')}` : ''}
      </div>
      <Text size="sm" c="dimmed">
        {[
          t('profile.lastUsed', { at: format.dateTime(entry.lastUsedAt) }),
          t('profile.signedInAt', { at: format.dateTime(entry.createdAt) }),
          entry.address,
        ]
          .filter(Boolean)
          .join(' · ')}
      </Text>
    </div>
  );
}

function RevokeButton({ entry, isPending, onClick }: { entry: Entry; isPending: boolean; onClick: () => void }) {
  const { t } = useTranslation();
  const deviceName = useDeviceName();
  return (
    <Button
      variant="subtle"
      size="compact-sm"
      loading={isPending}
      onClick={onClick}
      aria-label={t('profile.revokeLabel', { device: deviceName(entry) })}
    >
      {t('profile.revoke')}
    </Button>
  );
}
