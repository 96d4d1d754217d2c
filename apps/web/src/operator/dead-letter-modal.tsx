import { Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../format.ts';
import type { DeadLetter } from './dead-letters.tsx';
import { Dialog } from './dialog.tsx';
import { Facts } from './facts.tsx';
import classes from './operator.module.css';

/** All that is known of a message that could not be handled. */
export function DeadLetterModal({ letter, onClose }: { letter: DeadLetter; onClose: () => void }) {
  const { t } = useTranslation('operator');
  const format = useFormat();
  return (
    <Dialog title={letter.type ?? t('dead.unknownType')} onClose={onClose} size="lg">
      <Stack gap="lg">
        <Facts
          facts={[
            [t('dead.reason'), letter.reason.replaceAll('_', ' ')],
            [t('dead.diedAt'), letter.deadAt ? format.dateTime(letter.deadAt) : '–'],
            [t('dead.attempts'), String(letter.attempts)],
            [t('dead.redrives'), String(letter.redrives)],
            [t('dead.bytes'), format.number(letter.bytes)],
            [t('dead.id'), letter.id ?? '–'],
          ]}
        />
        {letter.detail ? <pre className={classes.code}>{letter.detail}</pre> : null}
        {letter.body ? (
          <pre className={classes.code}>{letter.body}</pre>
        ) : (
          <Text size="sm" c="dimmed">
            {t('dead.noBody')}
          </Text>
        )}
      </Stack>
    </Dialog>
  );
}
