import { ActionIcon, Drawer, Indicator, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { Bell as BellIcon } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { useApiQuery } from '../api.ts';
import { Panel } from './panel.tsx';

const MAX_SHOWN = 99;

/** How many notifications are unread, live, and the way to them. */
export function Bell() {
  const { t } = useTranslation();
  const [opened, { open, close }] = useDisclosure();
  const { data } = useApiQuery(['unread-count'], (api) => api.GET('/v1/notifications/unread-count'));
  const count = data?.unreadCount ?? 0;
  return (
    <>
      <Indicator
        label={count > MAX_SHOWN ? `${MAX_SHOWN}+` : String(count)}
        disabled={count === 0}
        size={17}
        offset={7}
        fz={10}
        color="red.8"
        aria-hidden={false}
      >
        <ActionIcon
          variant="subtle"
          color="gray"
          c="dimmed"
          size="lg"
          onClick={open}
          aria-haspopup="dialog"
          aria-label={count > 0 ? t('bell.labelUnread', { count }) : t('bell.label')}
        >
          <BellIcon size={18} strokeWidth={1.75} />
        </ActionIcon>
      </Indicator>
      <Drawer
        opened={opened}
        onClose={close}
        position="right"
        size={440}
        title={<Text fw={620}>{t('bell.title')}</Text>}
        closeButtonProps={{ 'aria-label': t('action.close') }}
      >
        <Panel unreadCount={count} onGo={close} />
      </Drawer>
    </>
  );
}
