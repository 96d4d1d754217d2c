import { Button, Group, Stack, Text } from '@mantine/core';
import type { FormEvent, ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Problem } from '../components/problem.tsx';
import { Dialog } from './dialog.tsx';

interface Props {
  onClose: () => void;
  title: string;
  intro?: ReactNode;
  submit: string;
  /** What cannot be taken back is red. */
  isGrave?: boolean;
  sending: { isPending: boolean; error: unknown };
  onSubmit: () => void;
  children: ReactNode;
}

/** A form over the page. It stays open until it was carried out, and says what was refused. */
export function FormModal({ onClose, title, intro, submit, isGrave, sending, onSubmit, children }: Props) {
  const { t } = useTranslation();
  const send = (event: FormEvent) => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={send}>
        <Stack>
          {intro ? (
            <Text size="sm" c="dimmed">
              {intro}
            </Text>
          ) : null}
          {children}
          <Problem error={sending.error} />
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={onClose}>
              {t('action.back')}
            </Button>
            <Button type="submit" loading={sending.isPending} {...(isGrave && { color: 'red.9' })}>
              {submit}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
