import { Button, Group, Modal, Stack } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Problem } from './problem.tsx';

interface Props {
  opened: boolean;
  onClose: () => void;
  title: string;
  /** What the button that does it says. */
  confirm: string;
  onConfirm: () => void;
  /** What the button that leaves things as they are says. */
  dismiss?: string;
  isPending: boolean;
  error: unknown;
  isDangerous?: boolean;
  disabled?: boolean;
  children: ReactNode;
}

/** Asks before something is done, and says so there when it is refused. */
export function Dialog(props: Props) {
  const { opened, onClose, title, confirm, onConfirm, dismiss, isPending, error, children } = props;
  const { isDangerous = false, disabled = false } = props;
  const { t } = useTranslation();
  // What is closing after it was done is still there for the second half of a double click.
  const confirmOnce = () => {
    if (opened) onConfirm();
  };
  return (
    <Modal opened={opened} onClose={onClose} title={title} closeButtonProps={{ 'aria-label': t('action.close') }}>
      <Stack>
        {children}
        <Problem error={error} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {dismiss ?? t('action.cancel')}
          </Button>
          <Button color={isDangerous ? 'red.8' : 'green'} loading={isPending} onClick={confirmOnce} disabled={disabled}>
            {confirm}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
