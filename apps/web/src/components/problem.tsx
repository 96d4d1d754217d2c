import { Alert, Button, Group, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { CircleAlert } from 'lucide-react';
import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiProblem } from '../problem.ts';

/** The server's own words are English. Who reads another language sees them only where the title alone would not help. */
const NEED_DETAIL = new Set(['invalid_transition', 'plan_change_not_possible']);

/** Here the server speaks to programs: of fields of the request, or of amounts in minor units. */
const NOT_FOR_PEOPLE = new Set([
  'validation_failed',
  'insufficient_funds',
  'service_unavailable',
  'unauthenticated',
  'idempotency_key_in_use',
  'internal_error',
]);

/** A problem in the reader's language: by its code, and with the server's own words where they say more. */
export function useProblemText(): (error: unknown) => { title: string; detail: string | undefined } {
  const { t, i18n } = useTranslation();
  const isEnglish = i18n.resolvedLanguage === 'en';
  return useCallback(
    (error) => {
      if (!(error instanceof ApiProblem)) return { title: t('problem.internal_error'), detail: undefined };
      const title = t(`problem.${error.code}`);
      const isReadable = isEnglish ? !NOT_FOR_PEOPLE.has(error.code) : NEED_DETAIL.has(error.code);
      const saysMore = isReadable && error.detail !== title;
      return { title, detail: saysMore ? error.detail : undefined };
    },
    [t, isEnglish],
  );
}

interface Props {
  error: unknown;
  onRetry?: () => void;
}

/** Says what went wrong where it went wrong; nothing when nothing did. */
export function Problem({ error, onRetry }: Props) {
  const { t } = useTranslation();
  const textOf = useProblemText();
  if (!error) return null;
  const { title, detail } = textOf(error);
  return (
    <Alert color="red" variant="light" icon={<CircleAlert size={18} />} title={title} role="alert">
      {detail ? <Text size="sm">{detail}</Text> : null}
      {onRetry ? (
        <Group mt="xs">
          <Button size="xs" variant="default" onClick={onRetry}>
            {t('action.tryAgain')}
          </Button>
        </Group>
      ) : null}
    </Alert>
  );
}

/** For what fails without a place of its own on the page. */
export function useProblemToast(): (error: unknown) => void {
  const textOf = useProblemText();
  return useCallback(
    (error) => {
      const { title, detail } = textOf(error);
      notifications.show({ color: 'red', title, message: detail });
    },
    [textOf],
  );
}
