import { Modal, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

interface Props {
  title: string;
  onClose: () => void;
  size?: 'md' | 'lg';
  children: ReactNode;
}

/** Something over the page, until it is closed. */
export function Dialog({ title, onClose, size = 'md', children }: Props) {
  const { t } = useTranslation();
  const heading = (
    <Text span fw={620} size="lg">
      {title}
    </Text>
  );
  return (
    <Modal
      opened
      onClose={onClose}
      size={size}
      title={heading}
      padding="lg"
      closeButtonProps={{ 'aria-label': t('action.close') }}
    >
      {children}
    </Modal>
  );
}
